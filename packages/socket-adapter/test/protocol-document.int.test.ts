// Plays the frames of docs/protocol.md against a real server.
import { readFileSync } from 'node:fs';

import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';

import { ERROR_CODES } from '../src/protocol.js';
import { RawClient } from './raw-client.js';
import { closeServers, startServer } from './test-server.js';
import { tokenFor } from './test-tokens.js';

const DOCUMENT = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
const CONVERSATION = /^## (.+)$|^```frames\n([^]*?)^```$/gm;
const PLACEHOLDER = /^<\w+>$/;
/** Numbers that are not foreseen. */
const MEASURED = new Set(['expiresInMs', 'pingInterval', 'version']);

interface Conversation {
  readonly title: string;
  readonly lines: readonly string[];
}

function conversations(): Conversation[] {
  const found: Conversation[] = [];
  let title = '';
  for (const [, heading, frames] of DOCUMENT.matchAll(CONVERSATION)) {
    if (heading !== undefined) title = heading;
    else found.push({ title, lines: frames?.trim().split('\n') ?? [] });
  }
  return found;
}

/** One reader of the document, who does what it says. */
class Player {
  readonly #known = new Map<string, string>();
  #client: RawClient | undefined;
  #readCount = 0;

  constructor(
    readonly serverUrl: string,
    token: string,
  ) {
    this.#known.set('<token>', token);
  }

  async play(line: string): Promise<void> {
    const [, step = '', text = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    if (step === 'connect') return this.#connect(text);
    if (step === 'cut') return this.#require().socket.terminate();
    if (step === 'C>S') return this.#require().send(this.#filled(text));
    if (step === 'S>C') return this.#expect(text);
    throw new Error(`nobody knows how to play: ${line}`);
  }

  close(): void {
    this.#client?.socket.terminate();
  }

  async #connect(url: string): Promise<void> {
    this.close();
    const here = url.replace('ws://localhost:8880', this.serverUrl.replace('http', 'ws'));
    expect(here).not.toBe(url);
    this.#client = new RawClient(new WebSocket(here));
    this.#readCount = 0;
    await this.#client.receives(/^0\{/);
  }

  #require(): RawClient {
    if (this.#client === undefined) throw new Error('a conversation begins with "connect"');
    return this.#client;
  }

  #filled(frame: string): string {
    return frame.replaceAll(/<\w+>/g, (name) => {
      const value = this.#known.get(name);
      if (value === undefined) throw new Error(`${name} was not told before`);
      return value;
    });
  }

  /** The frame comes next, or after others which the document leaves out. */
  async #expect(shown: string): Promise<void> {
    const { received } = this.#require();
    const isIt = (frame: string) => this.#isLike(frame, shown);
    const next = () => received.findIndex((frame, at) => at >= this.#readCount && isIt(frame));
    const outcome = () => (next() >= 0 ? shown : received.slice(this.#readCount));
    await expect.poll(outcome, { timeout: 5000, interval: 5 }).toBe(shown);
    this.#readCount = next() + 1;
    this.#learn(parsed(received[this.#readCount - 1] ?? '').json, parsed(shown).json);
  }

  #isLike(frame: string, shown: string): boolean {
    const [one, other] = [parsed(frame), parsed(shown)];
    return one.head === other.head && isLike(one.json, other.json);
  }

  #learn(value: unknown, shown: unknown): void {
    if (typeof shown === 'string' && PLACEHOLDER.test(shown)) {
      this.#known.set(shown, String(value));
    } else if (typeof shown === 'object' && shown !== null) {
      for (const [key, inner] of Object.entries(shown)) {
        this.#learn((value as Record<string, unknown>)[key], inner);
      }
    }
  }
}

/** `43/realtime,1[...]` is `43/realtime,1` and the list. */
function parsed(frame: string): { readonly head: string; readonly json: unknown } {
  const at = frame.search(/[[{]/);
  if (at < 0) return { head: frame, json: undefined };
  return { head: frame.slice(0, at), json: JSON.parse(frame.slice(at)) as unknown };
}

/** The same fields with the same values, where the document does not leave the value open. */
function isLike(value: unknown, shown: unknown, key = ''): boolean {
  if (typeof shown === 'string' && PLACEHOLDER.test(shown)) return typeof value === 'string';
  if (MEASURED.has(key)) return Number.isSafeInteger(value);
  if (typeof shown !== 'object' || shown === null) return value === shown;
  if (typeof value !== 'object' || value === null) return false;
  const [have, want] = [Object.keys(value), Object.keys(shown)];
  return (
    have.length === want.length &&
    want.every((name) =>
      isLike((value as Record<string, unknown>)[name], Reflect.get(shown, name), name),
    )
  );
}

afterEach(closeServers);

describe('docs/protocol.md', () => {
  test.each(conversations().map((conversation, index) => ({ ...conversation, index })))(
    '$title, conversation $index',
    async ({ lines }) => {
      const server = await startServer();
      // Nobody waits for ten seconds here.
      if (lines.includes('S>C  2')) Object.assign(server.io.engine.opts, { pingInterval: 100 });
      const player = new Player(server.url, await tokenFor('alice'));
      try {
        for (const line of lines) await player.play(line);
      } finally {
        player.close();
      }
    },
  );

  test('has conversations, and names every code in its order', () => {
    expect(conversations().length).toBeGreaterThan(5);
    const listed = DOCUMENT.slice(DOCUMENT.indexOf('The codes, in the order'));
    const codes = [...listed.matchAll(/`([A-Z_]{5,})`/g)].map(([, code]) => code);
    expect(codes).toEqual(ERROR_CODES);
  });
});
