import { ANSWER_EVENTS, NEWS_EVENTS, REALTIME_NAMESPACE } from '../src/protocol.js';
import type { News, RequestEvent } from '../src/protocol.js';
import { protocolSchemas } from './protocol-schemas.js';
import type { JsonSchema } from './protocol-schemas.js';

/** What each event is for, in a line. A new event does not compile until it is described here. */
const SUMMARIES = {
  'join-event-room': 'Watch an event: its figures now, and from now on.',
  'leave-event-room': 'Watch it no longer.',
  'lock-tickets': 'Lock tickets of one category, or of several ones, all or nothing.',
  'unlock-tickets': 'Give tickets back: some, or all of a lock.',
  'extend-lock': 'Ask for more time.',
  'get-my-locks': 'The active locks of the user, of all his sessions.',
  heartbeat: 'Ask for the time of the service, and whether the session is open.',
  'refresh-token': 'Go on with a newer token of the same user.',
  connected: 'The first word to every connection; `my-locks-response` follows unasked.',
  'availability-update': 'The figures of one category of an event that is watched.',
  'lock-expiring': 'A lock ends soon.',
  'lock-expired': 'A lock has ended: its tickets are on sale again.',
  'lock-released': 'A lock was given back, not by this connection.',
  'lock-confirmed': 'The tickets of a lock are sold.',
  'order-completed': 'An order of the user is complete.',
  'order-cancelled': 'An order of the user is cancelled.',
  error: 'A refusal of something that has no answer of its own.',
} as const satisfies Record<RequestEvent | keyof News, string>;

const CHANNEL = { $ref: '#/channels/realtime' };
const INFO = {
  title: 'Ticket locks, realtime',
  version: '1.0.0',
  description: [
    'socket.io 4 in the namespace `/realtime`, WebSocket or polling. Every request has exactly one',
    'answer: by the acknowledgement when the client asked for one, else as the event of the reply.',
    'Unknown fields are ignored. How the frames look is told in protocol.md.',
  ].join(' '),
  license: { name: 'MIT' },
};

const HANDSHAKE_QUERY = {
  type: 'object',
  required: ['EIO', 'transport'],
  properties: {
    EIO: { const: '4' },
    transport: { enum: ['polling', 'websocket'] },
    userId: { description: 'If given, it is the user of the token.', type: 'string' },
  },
};

export interface AsyncApiDocument {
  readonly asyncapi: string;
  readonly channels: { readonly realtime: { readonly messages: Record<string, JsonSchema> } };
  readonly operations: Record<string, JsonSchema>;
  readonly components: {
    readonly messages: Record<string, { readonly name: string; readonly payload: JsonSchema }>;
    readonly schemas: Record<string, JsonSchema>;
  };
}

/** The protocol as AsyncAPI 3, from the point of view of the service. Pure, but reads the types. */
export function asyncApiDocument(): AsyncApiDocument {
  const { schemas, requests, answers, news } = protocolSchemas();
  const messages: Record<string, { name: string; summary: string; payload: JsonSchema }> = {};
  const operations: Record<string, JsonSchema> = {};
  const add = (name: string, summary: string, payload: JsonSchema | undefined) => {
    if (payload === undefined) throw new Error(`${name} has no type`);
    messages[name] = { name, summary, payload };
  };
  add('connect', 'The handshake: `auth` of the client.', ref('schemas', 'HandshakeAuth'));
  add('connect_error', 'A handshake is refused: `data`.', ref('schemas', 'ConnectRefusal'));
  operations['connect'] = receiving('connect', ['connected', 'connect_error']);
  for (const [event, answerEvent] of Object.entries(ANSWER_EVENTS)) {
    add(event, SUMMARIES[event as RequestEvent], requests[event]);
    add(answerEvent, `The answer to \`${event}\`.`, answers[event]);
    operations[event] = receiving(event, [answerEvent]);
  }
  for (const event of NEWS_EVENTS) {
    add(event, SUMMARIES[event], news[event]);
    if (event !== 'connected') operations[event] = sending(event);
  }
  operations['my-locks'] = sending('my-locks-response');
  const untold = Object.keys(news).filter((event) => !(event in messages));
  if (untold.length > 0) throw new Error(`NEWS_EVENTS lacks ${untold.join(', ')}`);
  const names = Object.keys(messages);
  return {
    asyncapi: '3.0.0',
    info: INFO,
    defaultContentType: 'application/json',
    servers: {
      local: { host: 'localhost:8880', pathname: '/socket.io/', protocol: 'ws' },
    },
    channels: {
      realtime: {
        address: REALTIME_NAMESPACE,
        description: 'A namespace of socket.io.',
        bindings: { ws: { query: HANDSHAKE_QUERY } },
        messages: Object.fromEntries(names.map((name) => [name, ref('messages', name)])),
      },
    },
    operations,
    components: { messages, schemas },
  } as AsyncApiDocument;
}

function receiving(event: string, answerEvents: readonly string[]): JsonSchema {
  const reply = { channel: CHANNEL, messages: answerEvents.map(inChannel) };
  return { action: 'receive', channel: CHANNEL, messages: [inChannel(event)], reply };
}

function sending(event: string): JsonSchema {
  return { action: 'send', channel: CHANNEL, messages: [inChannel(event)] };
}

function inChannel(name: string): JsonSchema {
  return { $ref: `#/channels/realtime/messages/${name}` };
}

function ref(kind: 'messages' | 'schemas', name: string): JsonSchema {
  return { $ref: `#/components/${kind}/${name}` };
}
