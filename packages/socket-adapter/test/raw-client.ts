import { expect } from 'vitest';
import { WebSocket } from 'ws';

import { tokenFor } from './test-tokens.js';

/** A client that speaks the protocols by hand, as no library would. */
export class RawClient {
  readonly received: string[] = [];
  readonly closed: Promise<number>;
  #sentCount = 0;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => this.received.push(data.toString()));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', resolve);
    });
  }

  static async open(serverUrl: string): Promise<RawClient> {
    const url = `${serverUrl.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
    const client = new RawClient(new WebSocket(url));
    await client.receives(/^0\{/);
    return client;
  }

  /** Opens and joins the namespace. */
  static async joined(serverUrl: string): Promise<RawClient> {
    const client = await RawClient.open(serverUrl);
    client.send(`40/realtime,${JSON.stringify({ token: await tokenFor('raw') })}`);
    await client.receives(/"my-locks-response"/);
    return client;
  }

  send(data: string | Buffer): void {
    this.socket.send(data);
  }

  /** Sends an event with an acknowledgement id, and waits for the answer. */
  async ask(...event: unknown[]): Promise<Record<string, unknown>> {
    this.#sentCount += 1;
    const id = String(this.#sentCount);
    this.send(`42/realtime,${id}${JSON.stringify(event)}`);
    const found = await this.receives(new RegExp(`^43/realtime,${id}\\[`));
    const [answer] = JSON.parse(found.slice(found.indexOf('['))) as [Record<string, unknown>];
    return answer;
  }

  async receives(pattern: RegExp): Promise<string> {
    const found = () => this.received.find((message) => pattern.test(message));
    await expect.poll(found, { timeout: 5000, interval: 5 }).toBeDefined();
    return found()!;
  }
}
