import { literalOf } from './literal.js';

/** Every command of the engine by its name. */
export const COMMAND_NAMES = [
  'setInventory',
  'lock',
  'lockMany',
  'unlock',
  'extend',
  'beginPayment',
  'confirm',
  'confirmMany',
  'release',
  'releaseMany',
  'releaseSession',
  'expireDue',
  'settle',
  'requireRefund',
  'cancelEvent',
  'forgetEnded',
] as const;

export type CommandName = (typeof COMMAND_NAMES)[number];

/** A command as it is given: the input may be anything. */
export interface CommandCall {
  readonly kind: 'command';
  readonly name: CommandName;
  readonly input: unknown;
}

/**
 * One step of a run: a command, a move of the clock, or a new engine that takes over from a
 * snapshot.
 *
 * `limit` is that of the `expireDue` which follows where sweeps are prompt.
 */
export type LockCall =
  | CommandCall
  | { readonly kind: 'advance'; readonly ms: number; readonly limit?: number }
  | { readonly kind: 'drift'; readonly ms: number }
  | { readonly kind: 'restart' };

/** The call as a line of TypeScript. */
export function lineOf(call: LockCall): string {
  switch (call.kind) {
    case 'command':
      return `engine.${call.name}(${call.input === undefined ? '' : literalOf(call.input)});`;
    case 'advance':
      return `clock.advance(${call.ms});`;
    case 'drift':
      return `clock.driftMs = ${call.ms};`;
    case 'restart':
      return 'engine = restarted(engine);';
  }
}
