import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { connect } from 'amqplib';
import { vi } from 'vitest';

const START_TIMEOUT_MS = 60_000;
/** Debian's, and not the one on its PATH, which changes to the user rabbitmq. */
const PROGRAM = '/usr/lib/rabbitmq/bin/rabbitmq-server';

const NAME_SERVICE = '/usr/bin/epmd';

/** Why there can be no broker of our own here; `undefined` when there can. */
export const whyNoOwnBroker =
  existsSync(PROGRAM) && existsSync(NAME_SERVICE) ? undefined : `there is no ${PROGRAM}`;

/** A broker for one test, which may be killed and started again with what it has on its disk. */
export class OwnBroker {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ticket-locks-broker-'));
  readonly #ports: readonly number[];
  #server: ChildProcess | undefined;
  #names: ChildProcess | undefined;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  static async open(): Promise<OwnBroker> {
    const broker = new OwnBroker(await freePorts(3));
    await broker.start();
    return broker;
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.#ports[0]}`;
  }

  /** With little memory it raises its alarm, and takes no messages. */
  async start({ memory = '512MB' } = {}): Promise<void> {
    const [port, distributionPort, namesPort] = this.#ports;
    const config = [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      'log.console = false',
      'log.file.level = warning',
      'disk_free_limit.absolute = 50MB',
      `vm_memory_high_watermark.absolute = ${memory}`,
    ];
    writeFileSync(join(this.#folder, 'rabbitmq.conf'), `${config.join('\n')}\n`);
    writeFileSync(join(this.#folder, 'enabled_plugins'), '[].\n');
    const place = (name: string) => join(this.#folder, name);
    const env = {
      PATH: process.env['PATH'],
      HOME: this.#folder,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(namesPort),
      RABBITMQ_NODENAME: `ticket-locks-own-${port}@localhost`,
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_CONFIG_FILE: place('rabbitmq.conf'),
      RABBITMQ_CONF_ENV_FILE: place('none.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: place('enabled_plugins'),
      RABBITMQ_MNESIA_BASE: place('mnesia'),
      RABBITMQ_LOG_BASE: place('log'),
      RABBITMQ_PID_FILE: place('pid'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
        '+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}',
    };
    const options = { env, cwd: this.#folder, detached: true, stdio: 'ignore' } as const;
    // Erlang's name service, which would else be started as a daemon that outlives the test.
    this.#names ??= spawn(NAME_SERVICE, [], options);
    this.#server = spawn(PROGRAM, [], options);
    const isThere = async () => {
      const model = await connect(this.url).catch(() => undefined);
      await model?.close();
      return model !== undefined;
    };
    await vi.waitUntil(isThere, { timeout: START_TIMEOUT_MS, interval: 200 });
  }

  /** Ends it at once, as a power failure does. */
  async kill(): Promise<void> {
    await killGroup(this.#server);
    this.#server = undefined;
  }

  async close(): Promise<void> {
    await this.kill();
    await killGroup(this.#names);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The program and what it has started, which are a group of their own. */
async function killGroup(child: ChildProcess | undefined): Promise<void> {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  process.kill(-child.pid, 'SIGKILL');
  await exited;
}

/** Ports that are free now; all are held until the last is known, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const holders = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(holders.map((server) => once(server, 'listening')));
  const ports = holders.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(
    holders.map(async (server) => {
      server.close();
      await once(server, 'close');
    }),
  );
  return ports;
}
