import type { Clock, LockErrorCode } from '@ticket-locks/lock-engine';

import type { AdapterLog } from './adapter-log.js';
import type { ClientAddress } from './client-address.js';
import type { ConnectionPlaces, Place } from './connection-places.js';
import type { Admission, RealtimeSocket } from './realtime-socket.js';
import { ConnectRefusedError } from './refusals.js';
import { readHandshake } from './request-reader.js';
import type { HandshakeClaims } from './request-reader.js';
import { TokenRefusedError } from './token-verifier.js';
import type { VerifiedToken, VerifyToken } from './token-verifier.js';

export interface DoorkeeperOptions {
  readonly places: ConnectionPlaces;
  readonly verifyToken: VerifyToken;
  readonly addressOf: ClientAddress;
  readonly clock: Clock;
  readonly log: AdapterLog;
  readonly isOpen: () => boolean;
  readonly onRefused: (code: LockErrorCode) => void;
}

/** Clocks of signers may differ from ours by so much: at the handshake only, never afterwards. */
const TOLERANCE_MS = 5000;

/** Decides who comes in: a cheap look first, then the token, then whether it is his own name. */
export class Doorkeeper {
  readonly #options: DoorkeeperOptions;

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
  }

  /** Sets the socket's `admission`, or returns why it stays outside. Does not reject. */
  async admit(socket: RealtimeSocket): Promise<ConnectRefusedError | undefined> {
    const { addressOf, log, onRefused } = this.#options;
    const ip = addressOf({
      headers: socket.handshake.headers,
      remoteAddress: socket.conn.remoteAddress,
    });
    try {
      socket.data.admission = await this.#admission(socket, ip);
      return undefined;
    } catch (error) {
      const refused =
        error instanceof ConnectRefusedError
          ? error
          : new ConnectRefusedError({ code: 'UNAVAILABLE' });
      if (refused !== error) log.error({ err: error }, 'a handshake failed');
      log.info({ ip, code: refused.data.code }, 'a handshake is refused');
      onRefused(refused.data.code);
      return refused;
    }
  }

  async #admission(socket: RealtimeSocket, ip: string): Promise<Admission> {
    const { places, clock, isOpen } = this.#options;
    if (!isOpen()) throw new ConnectRefusedError({ code: 'UNAVAILABLE' });
    const claims = readHandshake(socket.handshake);
    if (typeof claims.token !== 'string') throw new ConnectRefusedError({ code: 'UNAUTHORIZED' });
    const taken = places.take(ip, clock.nowMs());
    if (!taken.ok) {
      throw new ConnectRefusedError({ code: 'RATE_LIMITED', retryAfterMs: taken.retryAfterMs });
    }
    const { place } = taken;
    // A connection may close before its socket is in, and then nobody hears of a disconnect.
    socket.conn.once('close', () => place.giveBack());
    try {
      const { userId, expiresAtMs } = await this.#identify(claims, place);
      const { resumeToken } = claims;
      return { userId, tokenExpiresAtMs: expiresAtMs, ip, resumeToken, place };
    } catch (error) {
      place.giveBack();
      throw error;
    }
  }

  async #identify(claims: HandshakeClaims, place: Place): Promise<VerifiedToken> {
    const verified = await this.#verify(claims.token);
    if (claims.differsFrom(verified.userId)) throw new ConnectRefusedError({ code: 'FORBIDDEN' });
    const retryAfterMs = place.takeForUser(verified.userId);
    if (retryAfterMs > 0) throw new ConnectRefusedError({ code: 'RATE_LIMITED', retryAfterMs });
    return verified;
  }

  async #verify(token: unknown): Promise<VerifiedToken> {
    try {
      return await this.#options.verifyToken(token, { toleranceMs: TOLERANCE_MS });
    } catch (error) {
      if (!(error instanceof TokenRefusedError)) throw error;
      this.#options.log.debug({ err: error }, 'a token is refused');
      throw new ConnectRefusedError({ code: error.code });
    }
  }
}
