import { LockEngine } from '@ticket-locks/lock-engine';
import type { LockChange, LockSnapshot } from '@ticket-locks/lock-engine';
import { describe, expect, test } from 'vitest';

import { SqliteStore } from '../src/sqlite/sqlite-store.js';
import { BoxOffice, countingIds, ManualClock } from './box-office.js';
import { inlineLedger } from './inline-ledger.js';
import { tempFolder } from './temp-folder.js';

// The snapshot is never made from the whole state, but folded from the changes, part by part. So it
// must be shown that it is the same as if it had been.
describe('a folded snapshot', () => {
  test.each([1, 2, 3, 4, 5])('is the snapshot of the engine (seed %i)', async (seed) => {
    const folder = tempFolder();
    const office = new BoxOffice(seed);
    let expectedAt = 0;
    for (let visit = 0; visit < 4; visit += 1) {
      // Folds 7 changes at a time, whenever there are any: every cut through the run is tried.
      const ledger = inlineLedger({
        store: new SqliteStore({ folder }),
        foldAtLatest: 1,
        foldChangesMax: 1 + seed * 3,
      });
      const contents = await ledger.load();
      expect(restored(contents).seq).toBe(expectedAt);
      for (let count = 0; count < 300; count += 1) {
        const changes = office.act();
        if (changes.length > 0) await ledger.append(changes);
      }
      await ledger.close();
      expectedAt = office.engine.seq;
    }
    const ledger = inlineLedger({ store: new SqliteStore({ folder }) });
    const contents = await ledger.load();
    await ledger.close();
    expect(contents.snapshot?.seq ?? 0).toBeGreaterThan(office.engine.seq - 60);
    expect(plain(restored(contents).snapshot())).toEqual(plain(office.engine.snapshot()));
  });
});

function restored({
  snapshot,
  changes,
}: {
  snapshot: LockSnapshot | undefined;
  changes: readonly LockChange[];
}): LockEngine {
  const engine = new LockEngine({ clock: new ManualClock(), ids: countingIds('b') });
  if (snapshot !== undefined) engine.restore(snapshot);
  for (const change of changes) engine.apply(change);
  engine.assertConsistent();
  return engine;
}

function plain(snapshot: LockSnapshot): unknown {
  return JSON.parse(JSON.stringify(snapshot));
}
