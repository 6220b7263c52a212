import { crc32 } from 'node:zlib';

import type { LockChange } from '@ticket-locks/lock-engine';

import { undamaged } from '../ledger-error.js';

/**
 * Changes that were written in one go: one row, one checksum.
 *
 * A row for every change would cost the writer two to three times as much (docs/decisions/0002),
 * and nothing that is read while locks are granted needs one.
 */
export interface ChangeBlock {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** `atMs` of the first and of the last change. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The changes as a JSON array. */
  readonly body: string;
  readonly checksum: number;
}

/** Most changes in one block: a reader parses one at a time. */
const BLOCK_CHANGES_MAX = 2000;

/** The changes as blocks, their checksums still to be made: `sealBlock`. */
export function blocksOf(changes: readonly LockChange[]): Omit<ChangeBlock, 'checksum'>[] {
  const blocks: Omit<ChangeBlock, 'checksum'>[] = [];
  for (let start = 0; start < changes.length; start += BLOCK_CHANGES_MAX) {
    const part =
      changes.length <= BLOCK_CHANGES_MAX
        ? changes
        : changes.slice(start, start + BLOCK_CHANGES_MAX);
    const first = part[0];
    const last = part.at(-1);
    if (first === undefined || last === undefined) continue;
    const { seq: firstSeq, atMs: fromMs } = first;
    const { seq: lastSeq, atMs: toMs } = last;
    blocks.push({ firstSeq, lastSeq, fromMs, toMs, body: JSON.stringify(part) });
  }
  return blocks;
}

export function sealBlock(block: Omit<ChangeBlock, 'checksum'>): ChangeBlock {
  return { ...block, checksum: checksumOf(block) };
}

/**
 * Throws `LEDGER_DAMAGED` when the block is not as it was written, or does not follow
 * `previousSeq`.
 */
export function assertBlock(block: ChangeBlock, previousSeq: number | undefined): void {
  const where = `changes ${block.firstSeq} to ${block.lastSeq}`;
  undamaged(checksumOf(block) === block.checksum, () => `${where} were altered`);
  undamaged(
    previousSeq === undefined || block.firstSeq === previousSeq + 1,
    () => `changes ${(previousSeq ?? 0) + 1} to ${block.firstSeq - 1} are missing`,
  );
}

export function changesIn(block: Pick<ChangeBlock, 'body'>): LockChange[] {
  return JSON.parse(block.body) as LockChange[];
}

function checksumOf({ firstSeq, lastSeq, fromMs, toMs, body }: Omit<ChangeBlock, 'checksum'>) {
  return crc32(body, crc32(`${firstSeq}:${lastSeq}:${fromMs}:${toMs}`));
}
