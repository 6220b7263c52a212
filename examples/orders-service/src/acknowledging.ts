import { Injectable } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { RmqContext } from '@nestjs/microservices';
import type { Channel, ConsumeMessage } from 'amqplib';
import { tap } from 'rxjs';
import type { Observable } from 'rxjs';

/**
 * Acknowledges a message when it is done, and not before: what a crash interrupts comes again.
 *
 * A request whose handler throws is done: the caller hears of it. An event whose handler throws is
 * put back once, then given up, so that one bad message does not come for ever.
 */
@Injectable()
export class Acknowledging implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const rabbitmq = context.switchToRpc().getContext<RmqContext>();
    const channel = rabbitmq.getChannelRef() as Channel;
    const message = rabbitmq.getMessage() as ConsumeMessage;
    const isRequest = message.properties.replyTo !== undefined;
    return next.handle().pipe(
      tap({
        complete: () => channel.ack(message),
        error: () => {
          if (isRequest) channel.ack(message);
          else channel.nack(message, false, !message.fields.redelivered);
        },
      }),
    );
  }
}
