import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../realtime-service/dist/main.js', import.meta.url));
const PAGE = fileURLToPath(new URL('../dist/index.html', import.meta.url));

export interface RunningService {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts the service as it is built, on a free port, with the demo page. Nothing outlives the test.
 */
export async function startService(settings: Record<string, string>): Promise<RunningService> {
  for (const file of [PROGRAM, PAGE]) {
    if (!existsSync(file)) throw new Error(`${file} is not there: run \`npm run build\` first`);
  }
  const service = spawn(process.execPath, [PROGRAM], {
    env: {
      PATH: process.env['PATH'],
      DEMO: 'on',
      DATA_DIR: 'none',
      HOST: '127.0.0.1',
      WEBSOCKET_PORT: '0',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(service, 'close');
  return {
    url: await urlIn(service.stdout, closed),
    async stop() {
      service.kill();
      await closed;
    },
  };
}

/** The address that the service prints when it is ready. */
async function urlIn(output: NodeJS.ReadableStream, closed: Promise<unknown>): Promise<string> {
  let text = '';
  const found = new Promise<string>((resolve) => {
    output.on('data', (chunk) => {
      text += String(chunk);
      const port = /http:\/\/localhost:(\d+)/.exec(text)?.[1];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    });
  });
  const ended = closed.then((): never => {
    throw new Error(`the service ended before it was ready:\n${text}`);
  });
  return Promise.race([found, ended]);
}
