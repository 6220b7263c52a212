import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export type NestVersion = 10 | 11 | 12;

/** What `await firstValueFrom(client.send(...))` comes to: a value, or what it rejects with. */
export interface PeerAnswer {
  readonly value?: unknown;
  readonly error?: unknown;
  /** Whether it rejects with an `Error`; a refusal is a plain object. */
  readonly isError?: boolean;
}

export interface PeerOptions {
  readonly version: NestVersion;
  readonly role: 'client' | 'events';
  readonly url: string;
  readonly queue: string;
  /** For the role `events`: what each event has, as the events service tells it. */
  readonly events?: readonly (readonly [eventId: number, categories: readonly object[]])[];
}

/** No answer of ours takes longer. */
const ANSWER_TIMEOUT_MS = 30_000;

const peers: NestPeer[] = [];

/** A process with an unmodified NestJS of the given version. */
export class NestPeer {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  readonly #waiting = new Map<number, (answer: PeerAnswer) => void>();
  #askedCount = 0;
  #onReady: (() => void) | undefined;
  output = '';

  constructor({ version, role, url, queue, events = [] }: PeerOptions) {
    const script = fileURLToPath(new URL(`./nest-peers/v${version}/peer.mjs`, import.meta.url));
    const env = {
      PATH: process.env['PATH'],
      PEER_ROLE: role,
      AMQP_URL: url,
      QUEUE: queue,
      EVENTS: JSON.stringify(events),
    };
    this.#child = fork(script, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#child.on('message', (message) => this.#onMessage(message as PeerMessage));
    this.#ended = once(this.#child, 'close');
    peers.push(this);
  }

  /** Resolves when the peer is connected, and has declared its queue. */
  async ready(): Promise<this> {
    const ready = new Promise<void>((resolve) => (this.#onReady = resolve));
    const ended = this.#ended.then(() => {
      throw new Error(`the peer ended before it was ready: ${this.output}`);
    });
    await Promise.race([ready, ended]);
    return this;
  }

  /** `await firstValueFrom(client.send(pattern, data))`. Rejects when no answer comes in time. */
  send(pattern: unknown, data: unknown): Promise<PeerAnswer> {
    return this.#ask({ verb: 'send', pattern, data });
  }

  /** `client.emit(pattern, data)`; resolves when the broker has it. */
  async emit(pattern: unknown, data: unknown): Promise<void> {
    await this.#ask({ verb: 'emit', pattern, data });
  }

  /** For the role `events`: from now on the event has these categories. */
  async setEvent(eventId: number, categories: readonly object[]): Promise<void> {
    await this.#ask({ eventId, categories });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async end(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async #ask(message: object): Promise<PeerAnswer> {
    const id = (this.#askedCount += 1);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      const late = () => reject(new Error(`no answer in time to ${JSON.stringify(message)}`));
      timer = setTimeout(late, ANSWER_TIMEOUT_MS);
    });
    const answer = new Promise<PeerAnswer>((resolve) => this.#waiting.set(id, resolve));
    this.#child.send({ id, ...message });
    try {
      return await Promise.race([answer, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  #onMessage({ id, ready, ...answer }: PeerMessage): void {
    if (ready === true) this.#onReady?.();
    if (id === undefined) return;
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}

interface PeerMessage extends PeerAnswer {
  readonly id?: number;
  readonly ready?: boolean;
}

export async function startPeer(options: PeerOptions): Promise<NestPeer> {
  return new NestPeer(options).ready();
}

/** For `afterEach` or `afterAll`: no process is left behind. */
export async function endPeers(): Promise<void> {
  await Promise.all(peers.splice(0).map((peer) => peer.end()));
}
