// The process of the clients: connects, joins, locks, tells its parent, and waits to be killed.
import { SignJWT } from 'jose';

import { CrowdMember } from './crowd-member.js';
import type { Ticket } from './crowd-member.js';

export interface CrowdOrder {
  readonly url: string;
  readonly secret: string;
  readonly socketCount: number;
  /** How many of them lock one ticket each. */
  readonly lockCount: number;
  readonly eventId: number;
  readonly categoryId: number;
}

/** A lock, and what its owner needs to come back to it. */
export interface CrowdLock {
  readonly lockId: string;
  readonly expiresAt: string;
  readonly ticket: Ticket;
}

export type CrowdNews =
  | { readonly type: 'ready'; readonly locks: readonly CrowdLock[] }
  | { readonly type: 'failed'; readonly reason: string };

/** Handshakes under way at the same time. */
const AT_ONCE = 64;

interface Newcomer {
  readonly member: CrowdMember;
  readonly ticket: Ticket;
}

/** First everybody is in the room, then they lock: the room hears of every lock. */
async function gather(order: CrowdOrder): Promise<readonly CrowdLock[]> {
  const newcomers: Newcomer[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < order.socketCount; index = next++) {
      newcomers.push(await bring(index, order));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return Promise.all(newcomers.slice(0, order.lockCount).map((one) => lock(one, order)));
}

async function bring(index: number, { url, secret, eventId }: CrowdOrder): Promise<Newcomer> {
  const token = await new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(`member-${index}`)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
  const { member, connected } = await CrowdMember.enter(url, { token });
  await expectSuccess(member.ask('join-event-room', { eventId }));
  return { member, ticket: { token, resumeToken: String(connected['resumeToken']) } };
}

async function lock({ member, ticket }: Newcomer, order: CrowdOrder): Promise<CrowdLock> {
  const { eventId, categoryId } = order;
  const wish = { eventId, categoryId, quantity: 1 };
  const { lockId, expiresAt } = await expectSuccess(member.ask('lock-tickets', wish));
  return { lockId: String(lockId), expiresAt: String(expiresAt), ticket };
}

async function expectSuccess(asked: ReturnType<CrowdMember['ask']>) {
  const answer = await asked;
  if (answer['success'] !== true) throw new Error(`refused: ${JSON.stringify(answer)}`);
  return answer;
}

function tell(news: CrowdNews): void {
  process.send?.(news);
}

process.once('message', (order: CrowdOrder) => {
  gather(order).then(
    (locks) => tell({ type: 'ready', locks }),
    (error: unknown) => tell({ type: 'failed', reason: String(error) }),
  );
});
// The parent is gone: nobody would kill us any more.
process.once('disconnect', () => process.exit(1));
