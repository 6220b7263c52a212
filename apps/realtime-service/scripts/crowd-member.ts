import { once } from 'node:events';

import { WebSocket } from 'ws';

/** What a member is given to come back with. */
export interface Ticket {
  readonly token: string;
  readonly resumeToken?: string | undefined;
}

type Answer = Readonly<Record<string, unknown>>;

const PACKET = /^(4[23])\/realtime,(\d*)(\[.*)$/s;

/**
 * One socket that speaks the protocols by hand: ten thousand of them fit into one process.
 *
 * OPENING -> `connected` came -> IN -> closed by either side.
 */
export class CrowdMember {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  #askedCount = 0;

  private constructor(url: string) {
    this.#socket = new WebSocket(
      `${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`,
    );
    this.#socket.on('message', (data: Buffer) => this.#onPacket(data.toString()));
  }

  /** Comes in. Returns the server's first word with the member; rejects when he is not let in. */
  static async enter(
    url: string,
    ticket: Ticket,
  ): Promise<{ readonly member: CrowdMember; readonly connected: Answer }> {
    const member = new CrowdMember(url);
    const closed = once(member.#socket, 'close').then((): never => {
      throw new Error('the connection was closed');
    });
    // Whoever is in is closed one day, and nobody waits for that.
    closed.catch(() => {});
    await Promise.race([once(member.#socket, 'open'), closed]);
    member.#socket.send(`40/realtime,${JSON.stringify(ticket)}`);
    return { member, connected: await Promise.race([member.#heard('connected'), closed]) };
  }

  async ask(event: string, payload: object = {}): Promise<Answer> {
    const id = String((this.#askedCount += 1));
    const answer = this.#heard(id);
    this.#socket.send(`42/realtime,${id}${JSON.stringify([event, payload])}`);
    return answer;
  }

  /** Leaves with a goodbye. */
  async leave(): Promise<void> {
    this.#socket.send('41/realtime,');
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  /** Breaks the connection. */
  drop(): void {
    this.#socket.terminate();
  }

  async #heard(key: string): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.set(key, resolve);
    });
  }

  #onPacket(packet: string): void {
    if (packet === '2') return this.#socket.send('3');
    if (packet.startsWith('44')) return this.#socket.close();
    const [, type, id = '', json = ''] = PACKET.exec(packet) ?? [];
    // What everybody is told is not read: ten thousand times the same.
    if (type === '42' && !json.startsWith('["connected"')) return;
    if (type === undefined) return;
    const key = type === '42' ? 'connected' : id;
    const answer = (JSON.parse(json) as Answer[]).at(-1) ?? {};
    this.#waiting.get(key)?.(answer);
    this.#waiting.delete(key);
  }
}
