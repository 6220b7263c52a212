import { connect } from 'node:net';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';

import { RawClient } from './raw-client.js';
import { someInstant, someText } from './some.js';
import type { TestBuyer } from './test-buyer.js';
import { closeServers, startServer } from './test-server.js';
import type { TestServer } from './test-server.js';

let server: TestServer;
let honest: TestBuyer;
let before: unknown;
const raw: RawClient[] = [];

/** What must be as it was: the tickets, and the mother of all objects. */
async function state() {
  const outcome = await server.locks.availability(1);
  return { outcome, prototype: Object.getOwnPropertyNames(Object.prototype) };
}

beforeAll(async () => {
  server = await startServer({ limits: { messagesPerSocketPerSecond: 0 } });
  honest = await server.buyer('honest');
  await honest.ask('join-event-room', { eventId: 1 });
  before = await state();
});
afterEach(async () => {
  for (const client of raw.splice(0)) client.socket.terminate();
  expect(await honest.ask('heartbeat')).toMatchObject({ timestamp: someInstant });
  expect(await state()).toEqual(before);
  expect(await server.locks.stats()).toMatchObject({ totalLocks: 0 });
});
afterAll(closeServers);

function tracked(client: RawClient): RawClient {
  raw.push(client);
  return client;
}

async function joined(): Promise<RawClient> {
  return tracked(await RawClient.joined(server.url));
}

describe('a client by hand', () => {
  test('is served like any other', async () => {
    const client = await joined();
    expect(await client.receives(/^40\/realtime,\{"sid":/)).toBeDefined();
    expect(await client.ask('heartbeat')).toMatchObject({
      sessionId: someText,
    });
    client.send('42/realtime,["lock-tickets",{"eventId":9,"categoryId":1,"quantity":1}]');
    await client.receives(/^42\/realtime,\["lock-tickets-response",\{"success":false/);
    client.send('41/realtime,');
    await expect.poll(() => server.adapter.stats().connectedUsers).toBe(1);
  });

  test('without a token hears why, and is closed soon', async () => {
    const client = tracked(await RawClient.open(server.url));
    client.send('40/realtime,{}');
    await client.receives(/^44\/realtime,\{.*"code":"UNAUTHORIZED"/);
  });
});

describe('payloads that are none', () => {
  const invalid = (field: string) => `"code":"INVALID_REQUEST","field":"${field}`;
  test.each([
    ['no number', '{"eventId":1,"categoryId":1,"quantity":1e999}', invalid('quantity')],
    ['minus nothing', '{"eventId":1,"categoryId":1,"quantity":-0}', invalid('quantity')],
    ['a text for a number', '{"eventId":1,"categoryId":1,"quantity":"2"}', invalid('quantity')],
    ['__proto__', '{"__proto__":{"quantity":1},"eventId":1,"categoryId":1}', invalid('quantity')],
    [
      '__proto__ as an event',
      '{"eventId":"__proto__","categoryId":1,"quantity":1}',
      '"code":"EVENT_NOT_FOUND"',
    ],
    [
      'constructor as a category',
      '{"eventId":1,"categoryId":"constructor","quantity":1}',
      '"code":"CATEGORY_NOT_FOUND"',
    ],
    ['a placeholder of an attachment', '{"_placeholder":true,"num":0}', invalid('eventId')],
    ['a deep one', `${'['.repeat(5000)}${']'.repeat(5000)}`, invalid('payload')],
    [
      'many keys',
      `{${Array.from({ length: 1500 }, (_, index) => `"k${index}":1`).join()}}`,
      invalid('eventId'),
    ],
    ['a long list', `{"eventId":1,"items":[${'0,'.repeat(1500)}0]}`, invalid('items')],
  ])('%s', async (_name, payload, expected) => {
    const client = await joined();
    client.send(`42/realtime,7["lock-tickets",${payload}]`);
    expect(await client.receives(/^43\/realtime,7\[/)).toContain(expected);
  });

  test.each(['error', '__proto__', 'constructor', 'toString', 'x'.repeat(5000), '', 'message'])(
    'an event that nobody knows: %#',
    async (event) => {
      const client = await joined();
      expect(await client.ask(event, {})).toMatchObject({
        code: 'INVALID_REQUEST',
        field: 'event',
      });
      client.send(`42/realtime,${JSON.stringify([event])}`);
      await client.receives(/^42\/realtime,\["error",\{"code":"INVALID_REQUEST"/);
    },
  );

  test('an event without a name, or with a number for one', async () => {
    const client = await joined();
    client.send('42/realtime,');
    await client.receives(/^42\/realtime,\["error",\{"code":"INVALID_REQUEST"/);
    expect(await client.ask(7)).toMatchObject({ code: 'INVALID_REQUEST', field: 'event' });
  });

  test('a callback in the place of the payload', async () => {
    const client = await joined();
    expect(await client.ask('lock-tickets')).toMatchObject({ field: 'payload' });
    expect(await client.ask('get-my-locks')).toEqual({ locks: [] });
    expect(await client.ask('heartbeat', {}, 1, null, [])).toMatchObject({
      sessionId: someText,
    });
  });
});

describe('packets that are none close the connection', () => {
  test.each([
    '4',
    '7',
    'x',
    '4__proto__',
    '40/realtime,[]',
    '42/realtime,[',
    '42/realtime,{}',
    '42/realtime,"x"',
    '42/realtime,[]',
    '42/realtime,[null]',
    '42/realtime,[{}]',
    '42/realtime,["connect"]',
    '42/realtime,["disconnect"]',
    '42/realtime,1["lock-tickets",{"eventId":1,"categoryId":1,"quantity":NaN}]',
    '43/realtime,1{}',
    '45-1-/realtime,["x"]',
    '450-/realtime,["x"]',
    '451-/realtime,["lock-tickets",{"_placeholder":true,"num":0}]',
    '451000000-/realtime,["x"]',
    '461-/realtime,1["x"]',
    '49/realtime,',
  ])('%j', async (packet) => {
    const client = await joined();
    client.send(packet);
    await client.closed;
  });

  test('bytes instead of text', async () => {
    const client = await joined();
    client.send(Buffer.from([1, 2, 3]));
    await client.closed;
  });

  test('more than 16 KB, and not a byte less', async () => {
    const client = await joined();
    const packet = (length: number) => {
      const [start, end] = ['42/realtime,9["heartbeat","', '"]'];
      return `${start}${'x'.repeat(length - start.length - end.length)}${end}`;
    };
    client.send(packet(16 * 1024));
    await client.receives(/^43\/realtime,9\[/);
    client.send(packet(16 * 1024 + 1));
    expect(await client.closed).toBe(1009);
  });

  test('a message in endlessly many pieces', async () => {
    const client = await joined();
    for (let piece = 0; piece < 20; piece += 1) client.socket.send('x', { fin: false });
    expect(await client.closed).toBe(1008);
  });
});

describe('handshakes that are none', () => {
  const status = async (path: string, init?: RequestInit) =>
    (await fetch(`${server.url}${path}`, init)).status;

  test.each([
    ['an older protocol', '?EIO=3&transport=polling'],
    ['no protocol', '?transport=polling'],
    ['another transport', '?EIO=4&transport=__proto__'],
    ['no transport', '?EIO=4'],
    ['a session that is none', '?EIO=4&transport=polling&sid=__proto__'],
    ['a session that is a list', '?EIO=4&transport=polling&sid=a&sid=b'],
  ])('%s', async (_name, query) => {
    expect(await status(`/socket.io/${query}`)).toBe(400);
  });

  test('bytes by polling', async () => {
    const opened = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`);
    const { sid } = JSON.parse((await opened.text()).slice(1)) as { sid: string };
    const type = 'application/octet-stream';
    await status(`/socket.io/?EIO=4&transport=polling&sid=${sid}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: Buffer.from([0, 255]),
    });
  });

  test('another protocol on the way from polling to WebSocket', async () => {
    const opened = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`);
    const { sid } = JSON.parse((await opened.text()).slice(1)) as { sid: string };
    const url = `${server.url}/socket.io/?EIO=3&transport=websocket&sid=${sid}`;
    const client = tracked(new RawClient(new WebSocket(url.replace('http', 'ws'))));
    await client.closed;
  });

  test('what is no HTTP at all', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write('\0\0\0 not HTTP \r\n\r\n');
    await new Promise((resolve) => {
      socket.once('close', resolve);
      socket.resume();
    });
  });

  test('the client script is not served', async () => {
    expect(await status('/socket.io/socket.io.js')).toBe(400);
  });
});
