import { fileURLToPath } from 'node:url';

import { stringify } from 'yaml';

import { asyncApiDocument } from './asyncapi-document.js';

export const ASYNCAPI_PATH = fileURLToPath(new URL('../../../docs/asyncapi.yaml', import.meta.url));
const HEADER = '# Made from packages/socket-adapter/src/protocol.ts by `npm run asyncapi`.\n';

/** The text of docs/asyncapi.yaml as it has to be. */
export function asyncApiText(): string {
  const yaml = stringify(asyncApiDocument(), { aliasDuplicateObjects: false, lineWidth: 100 });
  return `${HEADER}${yaml}`;
}
