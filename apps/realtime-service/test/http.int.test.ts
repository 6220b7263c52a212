import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { endServices, startService } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

let service: ServiceProcess;

beforeAll(async () => {
  service = await startService({
    WEBSOCKET_CORS_ORIGIN: 'https://shop.example',
    // Nobody listens there.
    RABBITMQ_URL: 'amqp://127.0.0.1:1',
  });
});
afterAll(endServices);

describe('over HTTP', () => {
  test('a service without its broker is ready, and says what is missing', async () => {
    expect(await service.get('/health/ready')).toEqual({
      status: 200,
      body: { status: 'ready', degraded: ['rabbitmq'] },
    });
    const buyer = await service.buyer(12);
    const wish = { eventId: 1, categoryId: 1, quantity: 1 };
    expect(await buyer.ask('lock-tickets', wish)).toMatchObject({ success: true });
  });

  test('only reading is answered', async () => {
    const response = await fetch(`${service.url}/stats`, { method: 'POST', body: '{}' });
    expect(response.status).toBe(405);
    const head = await fetch(`${service.url}/stats`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('pages of allowed origins may read, others may not', async () => {
    const allowed = async (origin: string) => {
      const response = await fetch(`${service.url}/stats`, { headers: { origin } });
      return response.headers.get('access-control-allow-origin');
    };
    expect(await allowed('https://shop.example')).toBe('https://shop.example');
    expect(await allowed('https://evil.example')).toBeNull();
  });

  test('the namespace without a name lets nobody in', async () => {
    const { io } = await import('socket.io-client');
    const socket = io(service.url, { transports: ['websocket'], forceNew: true });
    const error = await new Promise<Error>((resolve) => {
      socket.once('connect_error', resolve);
    });
    expect(error.message).toBe('use the namespace /realtime');
    socket.close();
  });
});
