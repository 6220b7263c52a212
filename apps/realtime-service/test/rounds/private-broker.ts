import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { connect } from 'amqplib';
import { vi } from 'vitest';

const READY_MS = 40_000;
/** The one on Debian's PATH changes to the user and the folders of the system. */
const SERVER_PROGRAMS = ['/usr/lib/rabbitmq/bin/rabbitmq-server', 'rabbitmq-server'];

/** Whether this machine has a RabbitMQ that a test may start and kill. */
export function canStartBroker(): boolean {
  return findProgram(SERVER_PROGRAMS) !== undefined;
}

/**
 * A RabbitMQ of the test's own, to be killed: on ports of its own, with its data in a folder of its
 * own.
 *
 * `open` -> RUNNING -> `kill` -> DEAD -> `start` -> RUNNING ... -> `close`, for good.
 */
export class PrivateBroker {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ticket-locks-broker-'));
  readonly #environment: NodeJS.ProcessEnv;
  readonly #epmd: ChildProcess;
  readonly #port: number;
  #server: ChildProcess | undefined;

  private constructor([port = 0, distributionPort = 0, epmdPort = 0]: readonly number[]) {
    this.#port = port;
    this.#environment = environmentOf(this.#folder, { port, distributionPort, epmdPort });
    const config = `listeners.tcp.1 = 127.0.0.1:${port}\ndisk_free_limit.absolute = 50MB\n`;
    writeFileSync(join(this.#folder, 'rabbitmq.conf'), config);
    writeFileSync(join(this.#folder, 'enabled_plugins'), '[].\n');
    writeFileSync(join(this.#folder, '.erlang.cookie'), 'only-for-one-test', { mode: 0o400 });
    // Erlang's name service; RabbitMQ would start one that outlives it.
    this.#epmd = this.#spawn(findProgram(['epmd', '/usr/lib/erlang/bin/epmd']) ?? 'epmd');
  }

  static async open(): Promise<PrivateBroker> {
    const broker = new PrivateBroker(await freePorts(3));
    await broker.start();
    return broker;
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.#port}`;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    this.#server = this.#spawn(findProgram(SERVER_PROGRAMS) ?? 'rabbitmq-server');
    const tryOnce = async () => (await connect(this.url)).close();
    await vi.waitFor(tryOnce, { timeout: READY_MS, interval: 100 });
  }

  /** Resolves when it is dead. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await endGroup(server, signal);
  }

  async close(): Promise<void> {
    await this.kill('SIGKILL');
    await endGroup(this.#epmd, 'SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** In a process group of its own, which ends as a whole. */
  #spawn(program: string): ChildProcess {
    const options = { cwd: this.#folder, env: this.#environment, detached: true } as const;
    const child = spawn(program, [], { ...options, stdio: 'ignore' });
    child.on('error', () => undefined);
    return child;
  }
}

async function endGroup(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  process.kill(-child.pid, signal);
  await ended;
}

function environmentOf(
  folder: string,
  ports: {
    readonly port: number;
    readonly distributionPort: number;
    readonly epmdPort: number;
  },
): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: folder,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(ports.epmdPort),
    RABBITMQ_NODENAME: `ticket-locks-${ports.port}@localhost`,
    RABBITMQ_DIST_PORT: String(ports.distributionPort),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_QUORUM_DIR: join(folder, 'quorum'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}',
  };
}

function findProgram(candidates: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const paths = candidates.flatMap((name) =>
    name.startsWith('/') ? [name] : folders.map((folder) => join(folder, name)),
  );
  return paths.find((path) => existsSync(path));
}

/** Ports that are free now. All are held until the last is known, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const holders = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(holders.map((server) => once(server, 'listening')));
  const ports = holders.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(holders.map((server) => once(server.close(), 'close')));
  return ports;
}
