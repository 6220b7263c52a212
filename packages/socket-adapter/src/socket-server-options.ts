import type { ServerOptions } from 'socket.io';
import * as parser from 'socket.io-parser';
import { WebSocketServer } from 'ws';

export interface SocketServerChoices {
  /**
   * Web pages of these origins may connect; `*` is every page. Clients that are no web pages name
   * no origin.
   */
  readonly origins: readonly string[];
}

/** The longest message of a client, in bytes; with a longer one the connection is closed. */
const MESSAGE_BYTES_MAX = 16 * 1024;

/** What is read goes at most in so many pieces: tiny ones cost far more memory than they weigh. */
class FrugalWebSocketServer extends WebSocketServer {
  constructor(options: object) {
    super({ ...options, maxFragments: 16, maxBufferedChunks: 64 });
  }
}

/** No client has anything binary to say. */
class TextDecoder extends parser.Decoder {
  constructor() {
    super({ maxAttachments: 0 });
  }
}

/** The options for socket.io's `Server`, such that strangers cost little. */
export function socketServerOptions({ origins }: SocketServerChoices): Partial<ServerOptions> {
  const isOpen = origins.includes('*');
  const allowed = new Set(origins);
  return {
    maxHttpBufferSize: MESSAGE_BYTES_MAX,
    connectTimeout: 5000,
    // A silent connection is noticed within 15 s, and phones in pockets are still not dropped.
    pingInterval: 10_000,
    pingTimeout: 5000,
    // 14 times the memory of a connection, for messages that are hardly longer than a packet.
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
    allowEIO3: false,
    transports: ['polling', 'websocket'],
    parser: { ...parser, Decoder: TextDecoder },
    wsEngine: FrugalWebSocketServer,
    cors: isOpen ? { origin: '*' } : { origin: [...allowed], credentials: true },
    // CORS alone does not hold for WebSocket: browsers open it to every page.
    allowRequest: ({ headers }, decide) => {
      const isAllowed = isOpen || headers.origin === undefined || allowed.has(headers.origin);
      decide(isAllowed ? null : 'origin not allowed', isAllowed);
    },
  };
}
