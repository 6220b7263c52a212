// Where what clients send becomes typed commands. Past this file nothing of it is checked again.
import { canonicalId } from '@ticket-locks/lock-engine';
import type { Id } from '@ticket-locks/lock-engine';
import { z } from 'zod';

import type { RequestEvent } from './protocol.js';

const OPAQUE_ID_LENGTH_MAX = 128;
/** Most lines in one request; the payload limit allows about as many. */
const ITEMS_MAX = 1000;
/** Longer than any token that is looked at. */
const TOKEN_LENGTH_MAX = 8192;

const id = z.unknown().transform((input, context): Id => {
  const canonical = canonicalId(input);
  if (canonical !== undefined) return canonical;
  context.addIssue({ code: 'custom', message: 'not an id' });
  return z.NEVER;
});
// No `min` and `max` of zod here: they also look at what is of another type but has a `length`, and
// throw when that is no number either.
const opaqueId = z
  .string()
  .refine(({ length }) => length >= 1 && length <= OPAQUE_ID_LENGTH_MAX)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u);
const tokenText = z.string().refine(({ length }) => length >= 1 && length <= TOKEN_LENGTH_MAX);
const quantity = z.int().min(1);

const common = { userId: id.optional(), requestId: opaqueId.optional() };
const lockLine = { categoryId: id, quantity };
const lockWish = { ...common, onExisting: z.enum(['set', 'add']).optional() };

const SCHEMAS = {
  'extend-lock': z.object({ lockId: opaqueId, ...common }),
  'get-my-locks': z.object(common),
  heartbeat: z.object(common),
  'join-event-room': z.object({ eventId: id, ...common }),
  'leave-event-room': z.object({ eventId: id, ...common }),
  'lock-tickets': z.object({ eventId: id, ...lockLine, ...lockWish }),
  'lock-tickets of several categories': z.object({
    eventId: id,
    items: z.array(z.object(lockLine)).refine(({ length }) => length >= 1 && length <= ITEMS_MAX),
    // Beside `items` these would be a second wish, and nobody could tell which one counts.
    categoryId: z.undefined().optional(),
    quantity: z.undefined().optional(),
    ...lockWish,
  }),
  'refresh-token': z.object({ token: tokenText, ...common }),
  'unlock-tickets': z.object({ lockId: opaqueId, quantity: quantity.optional(), ...common }),
  'unlock-tickets of a category': z.object({
    eventId: id,
    categoryId: id,
    quantity: quantity.optional(),
    ...common,
  }),
} as const;

type Read<Name extends keyof typeof SCHEMAS> = z.output<(typeof SCHEMAS)[Name]>;

/** What each event asks for, with canonical ids. */
export interface ReadRequests {
  'extend-lock': Read<'extend-lock'>;
  'get-my-locks': Read<'get-my-locks'>;
  heartbeat: Read<'heartbeat'>;
  'join-event-room': Read<'join-event-room'>;
  'leave-event-room': Read<'leave-event-room'>;
  'lock-tickets': Read<'lock-tickets'> | Read<'lock-tickets of several categories'>;
  'refresh-token': Read<'refresh-token'>;
  'unlock-tickets': Read<'unlock-tickets'> | Read<'unlock-tickets of a category'>;
}

export type ReadResult<Event extends RequestEvent> =
  | { readonly ok: true; readonly request: ReadRequests[Event] }
  | { readonly ok: false; readonly field: string };

/** Requests without a field of their own may come without a payload. */
const WITHOUT_PAYLOAD: ReadonlySet<RequestEvent> = new Set(['get-my-locks', 'heartbeat'] as const);

/** Returns the request, or the first field that is wrong. What it does not know it ignores. */
export function readRequest<Event extends RequestEvent>(
  event: Event,
  input: unknown,
): ReadResult<Event> {
  const payload = input === undefined && WITHOUT_PAYLOAD.has(event) ? {} : input;
  if (!isRecord(payload)) return { ok: false, field: 'payload' };
  const result = SCHEMAS[schemaName(event, payload)].safeParse(payload);
  if (!result.success) return { ok: false, field: fieldOf(result.error) };
  // Safe: `schemaName` names only schemas of this event.
  return { ok: true, request: result.data as ReadRequests[Event] };
}

/** What has to be known of a payload before anything else of it is looked at. */
export interface Claims {
  /** Whom the payload is said to come from; `undefined` also when it is no id at all. */
  readonly userId: Id | undefined;
  /** To be sent back, if it is one. */
  readonly requestId: string | undefined;
}

const NO_CLAIMS: Claims = { userId: undefined, requestId: undefined };

export function readClaims(payload: unknown): Claims {
  if (!isRecord(payload)) return NO_CLAIMS;
  const { requestId } = payload;
  return {
    userId: canonicalId(payload['userId']),
    requestId:
      typeof requestId === 'string' && opaqueId.safeParse(requestId).success
        ? requestId
        : undefined,
  };
}

/** What a handshake claims besides its token. */
export interface HandshakeClaims {
  readonly token: unknown;
  readonly resumeToken: string | undefined;
  /**
   * Whether the client names himself, in the query or beside the token, as somebody else than this
   * user.
   */
  readonly differsFrom: (userId: Id) => boolean;
}

export function readHandshake(handshake: {
  readonly auth: unknown;
  readonly query: unknown;
}): HandshakeClaims {
  const auth = isRecord(handshake.auth) ? handshake.auth : {};
  const query = isRecord(handshake.query) ? handshake.query : {};
  const { token, resumeToken } = auth;
  const named = [auth['userId'], query['userId']].filter((claim) => claim !== undefined);
  return {
    token,
    resumeToken: typeof resumeToken === 'string' ? resumeToken : undefined,
    differsFrom: (userId) => named.some((claim) => canonicalId(claim) !== userId),
  };
}

function schemaName(event: RequestEvent, payload: Record<string, unknown>): keyof typeof SCHEMAS {
  if (event === 'lock-tickets' && payload['items'] !== undefined) {
    return 'lock-tickets of several categories';
  }
  if (event === 'unlock-tickets' && payload['lockId'] === undefined) {
    return 'unlock-tickets of a category';
  }
  return event;
}

function isRecord(input: unknown): input is Record<string, unknown> {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}

/** The path of the first problem, as a programmer would write it: `items[0].quantity`. */
function fieldOf({ issues }: z.ZodError): string {
  const [first, ...rest] = issues[0]?.path ?? [];
  if (first === undefined) return 'payload';
  const steps = rest.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  return `${String(first)}${steps.join('')}`;
}
