// npm run asyncapi: writes docs/asyncapi.yaml anew.
import { writeFileSync } from 'node:fs';

import { ASYNCAPI_PATH, asyncApiText } from './asyncapi-file.js';

writeFileSync(ASYNCAPI_PATH, asyncApiText());
console.log('Written: docs/asyncapi.yaml.');
