import { vi } from 'vitest';

import type { TestBuyer } from '../../../../packages/socket-adapter/test/test-buyer.js';
import type { ServiceProcess } from '../service-process.js';
import { tokenFor } from '../service-process.js';
import { isFinal } from './caller.js';
import type { Answer } from './caller.js';

/** By then at the latest the service must be back and have answered. */
const FINAL_ANSWER_MS = 40_000;

/**
 * A buyer who does not give up: when the connection is lost he comes back into his session, and
 * asks again with the same request id.
 */
export class ReturningBuyer {
  readonly userId: number;
  readonly #service: () => ServiceProcess;
  #connection: TestBuyer | undefined;
  #resumeToken: string | undefined;
  /** Requests that he had to send more than once. */
  repeatedCount = 0;

  constructor(userId: number, service: () => ServiceProcess) {
    this.userId = userId;
    this.#service = service;
  }

  async ask(event: string, payload: object): Promise<Answer> {
    let count = 0;
    return vi.waitFor(
      async () => {
        count += 1;
        if (count === 2) this.repeatedCount += 1;
        const answer = (await (await this.#connected()).ask(event, payload)) as unknown as Answer;
        if (!isFinal(answer)) throw new Error(`no final answer to ${JSON.stringify(payload)}`);
        return answer;
      },
      { timeout: FINAL_ANSWER_MS, interval: 50 },
    );
  }

  leave(): void {
    this.#connection?.socket.close();
  }

  async #connected(): Promise<TestBuyer> {
    const connection = this.#connection;
    if (connection !== undefined && connection.disconnectReason === undefined) return connection;
    const service = this.#service();
    if (!service.isRunning) throw new Error('the service is not back yet');
    const auth = { token: await tokenFor(this.userId), resumeToken: this.#resumeToken };
    this.#connection = await service.connect({ auth });
    const { resumeToken } = await this.#connection.hears('connected');
    this.#resumeToken = resumeToken;
    return this.#connection;
  }
}
