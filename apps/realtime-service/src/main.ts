// The program: reads the environment, starts the service, and ends it in order.
import { readConfig } from './config.js';
import type { Config } from './config.js';
import { greeting } from './greeting.js';
import { loadInventory } from './inventory-file.js';
import { createLog } from './service-log.js';
import type { ServiceLog } from './service-log.js';
import { Service } from './service.js';

/** Whoever stops a service waits no longer. */
const STOP_TIMEOUT_MS = 10_000;

async function main(): Promise<void> {
  const read = readConfig(process.env);
  if (!read.ok) return refuse(read.problems);
  const { config } = read;
  const loaded = await loadInventory(config.inventoryFile);
  if (!loaded.ok) return refuse(loaded.problems);

  const log = createLog(config.logLevel);
  for (const notice of config.notices) log.warn(notice);
  const end = (error: unknown) => {
    log.fatal({ err: error }, 'the service cannot go on');
    process.exit(1);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
  const service = new Service({ config, inventory: loaded.inventory, log, onFailure: end });
  const port = await service
    .start()
    .catch((error: unknown) => refuse([startProblem(error, config)]));
  log.info({ port }, 'the service is ready');
  if (config.isDemo || process.stdout.isTTY) {
    // After what was logged, which is written a little later.
    log.flush(() => process.stdout.write(greeting(config, port)));
  }
  stopOnSignal(service, log);
}

function refuse(problems: readonly string[]): never {
  for (const problem of problems) process.stderr.write(`realtime-service: ${problem}\n`);
  process.exit(1);
}

function startProblem(error: unknown, { port }: Config): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'EADDRINUSE') return `cannot start: ${message}`;
  return `port ${port} is in use: stop what listens there, or set WEBSOCKET_PORT to another one`;
}

/** The first signal stops in order, the second at once. */
function stopOnSignal(service: Service, log: ServiceLog): void {
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.error('stopping took too long');
      process.exit(1);
    }, STOP_TIMEOUT_MS);
    service.stop().then(
      () => {
        log.info('stopped');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

await main();
