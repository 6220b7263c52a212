// The border: what came over the wire becomes a typed command here, or is refused. Past it types
// are trusted.
import { canonicalId } from '@ticket-locks/lock-engine';
import type { Id, Outcome } from '@ticket-locks/lock-engine';
import { z } from 'zod';

const OPAQUE_ID_LENGTH_MAX = 128;
const LOCK_IDS_MAX = 1000;
const TTL_SECONDS_MAX = 365 * 24 * 3600;

const opaqueId = z.string().min(1).max(OPAQUE_ID_LENGTH_MAX);
const id = z.union([z.number(), z.string()]).transform((input, context): Id => {
  const canonical = canonicalId(input);
  if (canonical !== undefined) return canonical;
  context.addIssue('neither a non-negative integer nor a short text');
  return z.NEVER;
});
/** Not given, or given as null, as a service does that sends its columns as they are. */
const maybe = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);

const repeatable = { requestId: maybe(opaqueId) };
/** Whatever is given of these must be true of the lock. */
const claims = {
  userId: maybe(id),
  eventId: maybe(id),
  categoryId: maybe(id),
  quantity: maybe(z.int().min(1)),
};
const decision = z.object({ lockId: opaqueId, orderId: maybe(id), ...claims, ...repeatable });
const claimedByUser = decision.extend({ userId: id });
const decisionOnMany = z.object({
  lockIds: z.array(opaqueId).min(1).max(LOCK_IDS_MAX),
  orderId: id,
  ...repeatable,
});
const payment = z
  .object({
    lockId: opaqueId,
    orderId: id,
    ttlSeconds: maybe(z.int().min(1).max(TTL_SECONDS_MAX)),
    ...claims,
    ...repeatable,
  })
  .transform(({ ttlSeconds, ...command }) => ({
    ...command,
    ttlMs: ttlSeconds === undefined ? undefined : ttlSeconds * 1000,
  }));
const oneLock = z.object({ lockId: opaqueId });
const oneEvent = z.object({ eventId: id });
const anyEvent = z.preprocess((data) => data ?? {}, z.object({ eventId: maybe(id) }));
/** A number, or its text: a service that sends its columns as they are sends both. */
const quantity = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,10}$/)
      .transform(Number),
  ])
  .pipe(z.int().min(1));
const order = z.object({
  orderId: id,
  eventId: id,
  categoryId: id,
  quantity,
  userId: id,
  lockId: maybe(opaqueId),
});

/** An order of which the orders service tells that it is completed or cancelled. */
export type Order = z.output<typeof order>;

export const readDecision = reader(decision);
export const readDecisionOfUser = reader(claimedByUser);
export const readDecisionOnMany = reader(decisionOnMany);
export const readPayment = reader(payment);
export const readLockQuery = reader(oneLock);
export const readEventQuery = reader(oneEvent);
export const readRefundQuery = reader(anyEvent);
export const readOrder = reader(order);

/**
 * Makes a function that reads a payload or answers `INVALID_REQUEST` with the first field that is
 * wrong.
 */
function reader<Schema extends z.ZodType>(schema: Schema) {
  return (data: unknown): Outcome<z.output<Schema>> => {
    const result = schema.safeParse(data);
    if (result.success) return { ok: true, value: result.data };
    const field = String(result.error.issues[0]?.path[0] ?? 'data');
    return { ok: false, error: { code: 'INVALID_REQUEST', field } };
  };
}
