import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SERVICES = fileURLToPath(new URL('../../scripts/services.mjs', import.meta.url));

export interface PrivateServers {
  /** Of the server with this variable, as `scripts/services.mjs` calls it. */
  readonly urlOf: (variable: string) => string;
  close(): Promise<void>;
}

/**
 * Starts servers that nobody else uses, whatever the environment names: what is measured on them is
 * emptied, counted and switched.
 */
export async function openPrivateServers(names: readonly string[]): Promise<PrivateServers> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^TEST_.*_URL$/.test(name)),
  );
  const services = spawn(process.execPath, [SERVICES, ...names], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: services.stdout });
  const urls = await Promise.race([
    once(lines, 'line').then(([line]) => JSON.parse(String(line)) as Record<string, string>),
    once(services, 'exit').then(() => {
      throw new Error(`${names.join(' and ')} did not start`);
    }),
  ]);
  return {
    urlOf: (variable) => {
      const url = urls[variable];
      if (url === undefined) throw new Error(`there is no server for ${variable}`);
      return url;
    },
    close: async () => {
      services.stdin.end();
      await once(services, 'exit');
    },
  };
}
