import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import type { SeededRandom } from '@ticket-locks/lock-engine/testing';

import { APPEND_ONLY_FOLDER, cutBytes, cutCommands, mendEnd } from './append-only-file.js';
import { pause } from './real-time.js';
import type { World } from './world.js';

export interface Fault {
  readonly name: string;
  /** How the servers are started for it. */
  readonly server: readonly string[];
  readonly hasReplica: boolean;
  /** Tickets can be locked again with every store so soon after it. */
  readonly recoveryMs: number;
  /** Breaks something and heals it; answers what it did, in words. */
  readonly strike: (world: World, random: SeededRandom) => Promise<string>;
}

const APPENDING = ['--appendonly', 'yes', '--auto-aof-rewrite-percentage', '0'];
const DOWN_MS = 250;
const LAG_MS = 300;
const ZOMBIE_MS = 700;

const plain = { server: [], hasReplica: false, recoveryMs: 5_000 };
const appending = { ...plain, server: APPENDING };

/** The server is killed and comes back without anything. */
export const emptyRestart: Fault = {
  ...plain,
  name: 'empty restart',
  async strike({ primary }, random) {
    await primary.kill();
    const downMs = random.below(DOWN_MS);
    await pause(downMs);
    await primary.launch();
    return `down for ${downMs} ms`;
  },
};

/** The server is killed, and the end of its append-only file is missing when it comes back. */
export const cutTail: Fault = {
  ...appending,
  name: 'cut tail',
  async strike({ primary }, random) {
    await primary.kill();
    const { folder } = primary;
    // Mostly little: what is nearly all there is the hardest to tell from what is all there.
    const most = random.pick([3, 30, 300]);
    const isByCommands = random.chance(0.5);
    const cut = isByCommands
      ? cutCommands(folder, random.between(1, most))
      : cutBytes(folder, random.between(1, most * 100));
    const isMended = random.chance(0.5);
    if (isMended) await mendEnd(folder);
    await pause(random.below(DOWN_MS));
    await primary.launch();
    return `${cut} bytes${isByCommands ? ', whole commands' : ''}${isMended ? ', mended' : ''}`;
  },
};

/** A replica that was cut off takes the place of the primary. */
export const failover: Fault = {
  ...plain,
  name: 'failover',
  hasReplica: true,
  // A store that meets nobody else may go on with what was, until it asks the ledger.
  recoveryMs: 10_000,
  async strike(world, random) {
    const { primary, replica, replicaLink, redisLinks } = world;
    const isFrozen = random.chance(0.5);
    if (isFrozen) replica.holdUp();
    else replicaLink.hold();
    const lagMs = random.below(LAG_MS);
    await pause(lagMs);
    const zombies = random.below(4);
    if (zombies === 0) await primary.kill();
    replicaLink.cut();
    if (isFrozen) replica.letGo();
    await replica.admin.replicaof('NO', 'ONE');
    world.inForce = replica;
    // Some stores hear of it later, and go on with the old primary meanwhile.
    const behind = zombies === 0 ? [] : redisLinks.slice(0, zombies - 1);
    for (const link of redisLinks) if (!behind.includes(link)) link.leadTo(replica.port);
    const zombieMs = random.below(ZOMBIE_MS);
    if (zombies > 0) await pause(zombieMs);
    const isBack = zombies > 0 && random.chance(0.3);
    if (isBack) for (const store of redisLinks.keys()) world.doubtful.add(store);
    world.inForce = isBack ? primary : replica;
    const { port } = world.inForce;
    for (const link of redisLinks) if (link.target !== port) link.leadTo(port);
    const how =
      zombies === 0 ? 'old primary dead' : `${behind.length} stores ${zombieMs} ms behind`;
    return `lag ${lagMs} ms, ${how}${isBack ? ', and back again' : ''}`;
  },
};

const flushed: Fault = {
  ...plain,
  name: 'FLUSHALL',
  async strike({ primary }) {
    await primary.admin.flushall();
    return 'by an operator';
  },
};

const functionsFlushed: Fault = {
  ...plain,
  name: 'FUNCTION FLUSH',
  async strike({ primary }) {
    await primary.admin.function('FLUSH');
    return 'by an operator';
  },
};

const oldSnapshot: Fault = {
  ...plain,
  name: 'old snapshot',
  async strike({ primary }, random) {
    await primary.admin.save();
    const ageMs = random.below(LAG_MS);
    await pause(ageMs);
    await primary.restart();
    return `${ageMs} ms old`;
  },
};

const oldAppendOnlyFile: Fault = {
  ...appending,
  name: 'old append-only file',
  async strike({ primary }, random) {
    const present = join(primary.folder, APPEND_ONLY_FOLDER);
    const old = `${present}.old`;
    cpSync(present, old, { recursive: true });
    const ageMs = random.below(LAG_MS);
    await pause(ageMs);
    await primary.kill();
    rmSync(present, { recursive: true });
    cpSync(old, present, { recursive: true });
    await primary.launch();
    return `${ageMs} ms old`;
  },
};

/** What operators do, in turn. */
export const OPERATORS: readonly Fault[] = [
  flushed,
  functionsFlushed,
  oldSnapshot,
  oldAppendOnlyFile,
];
