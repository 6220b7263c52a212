import type { DecisionLedger } from '@ticket-locks/lock-engine';

type Call = keyof DecisionLedger;

/** A ledger as one instance reaches it: calls may be held up, fail, or lose their answers. */
export class FaultyLedger {
  /** Runs before a call is carried out; what it rejects with is the answer. */
  before: Partial<Record<Call, () => Promise<unknown> | undefined>> = {};
  /** Runs after a call was carried out, before it is answered. */
  after: Partial<Record<Call, () => Promise<unknown> | undefined>> = {};
  /** The calls that came, in their order. */
  readonly calls: Call[] = [];
  readonly #hung: (() => void)[] = [];
  /** What the store is given. */
  readonly port: DecisionLedger;

  constructor(ledger: DecisionLedger) {
    this.port = new Proxy(ledger, {
      get: (target, name: Call) => {
        const method = target[name] as (...args: unknown[]) => Promise<unknown>;
        return async (...args: unknown[]): Promise<unknown> => {
          this.calls.push(name);
          await this.before[name]?.();
          const answer = await Reflect.apply(method, target, args);
          await this.after[name]?.();
          return answer;
        };
      },
    });
  }

  /** What does not come as long as the test runs, as from an instance that died on the way. */
  readonly hang = (): Promise<never> =>
    new Promise((_, reject) => this.#hung.push(() => reject(new Error('it is dead'))));

  /** Ends what hangs. */
  end(): void {
    for (const end of this.#hung.splice(0)) end();
  }

  /** How often a call came. */
  count(name: Call): number {
    return this.calls.filter((one) => one === name).length;
  }
}
