import type { SeededRandom } from '@ticket-locks/lock-engine/testing';

import { pause } from './real-time.js';
import type { TcpProxy } from './tcp-proxy.js';
import type { World } from './world.js';

const GAP_MS = 200;
const HELD_MS = 300;

/** Disturbs the links between the stores, Redis and the ledger, one after the other. */
export async function disturb(
  { redisLinks, ledgerLinks }: World,
  random: SeededRandom,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    await pause(random.below(GAP_MS));
    const link = random.pick([...redisLinks, ...ledgerLinks]);
    await disturbed(link, random);
  }
}

async function disturbed(link: TcpProxy, random: SeededRandom): Promise<void> {
  const turn = random.below(3);
  if (turn === 0) return link.cut();
  if (turn === 1) {
    link.hold();
    await pause(random.below(HELD_MS));
    return link.letGo();
  }
  link.swallowAnswers();
  await pause(random.below(HELD_MS));
  return link.cut();
}
