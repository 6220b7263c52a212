// A NestJS process of the version that starts it. By PEER_ROLE it is
// - "client": an application whose client sends what the test wants it to send, or
// - "events": a microservice that answers `get-ticket-categories`, as the events service does.
// The decorators are called by hand: plain JavaScript has none.

const { AMQP_URL: url, QUEUE: queue, PEER_ROLE: role, EVENTS } = process.env;

export async function runPeer(nest) {
  if (role === 'client') await runClient(nest);
  else await runEvents(nest);
  process.send({ ready: true });
  // The test is gone, and with it the reason to be here.
  process.on('disconnect', () => process.exit());
}

function rabbitmq({ microservices }) {
  return {
    transport: microservices.Transport.RMQ,
    options: {
      urls: [url],
      queue,
      queueOptions: { durable: true },
      socketOptions: { reconnectTimeInSeconds: 1 },
    },
  };
}

async function runClient(nest) {
  const { common, core, microservices, rxjs } = nest;
  class AppModule {}
  common.Module({
    imports: [microservices.ClientsModule.register([{ name: 'REALTIME', ...rabbitmq(nest) }])],
  })(AppModule);
  const app = await core.NestFactory.createApplicationContext(AppModule, { logger: false });
  const client = app.get('REALTIME');
  await client.connect();
  process.on('message', async ({ id, verb, pattern, data }) => {
    try {
      const observable = verb === 'emit' ? client.emit(pattern, data) : client.send(pattern, data);
      const value = await rxjs.firstValueFrom(observable, { defaultValue: null });
      process.send({ id, value: value ?? null });
    } catch (error) {
      const isError = error instanceof Error;
      process.send({ id, error: isError ? String(error) : error, isError });
    }
  });
}

async function runEvents(nest) {
  const { common, core, microservices } = nest;
  const events = new Map(JSON.parse(EVENTS));
  class EventsController {
    categories(eventId) {
      const categories = events.get(eventId);
      if (categories !== undefined) return categories;
      throw new microservices.RpcException(`Event ${eventId} not found`);
    }
  }
  const method = Object.getOwnPropertyDescriptor(EventsController.prototype, 'categories');
  const pattern = microservices.MessagePattern('get-ticket-categories');
  pattern(EventsController.prototype, 'categories', method);
  microservices.Payload()(EventsController.prototype, 'categories', 0);
  common.Controller()(EventsController);
  class AppModule {}
  common.Module({ controllers: [EventsController] })(AppModule);
  const options = { ...rabbitmq(nest), logger: false };
  const app = await core.NestFactory.createMicroservice(AppModule, options);
  await app.listen();
  // What the organiser does, as the test wants it.
  process.on('message', ({ id, eventId, categories }) => {
    events.set(eventId, categories);
    process.send({ id, value: null });
  });
}
