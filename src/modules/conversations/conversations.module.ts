import { Module } from '@nestjs/common';
import { WhatsAppModule } from '#modules/whatsapp/whatsapp.module';
import { Filing } from './filing/filing';
import { InboundWorker } from './filing/inbound.worker';

/** The shared inbox: what comes in is filed here, what goes out starts here. */
@Module({
  imports: [WhatsAppModule],
  providers: [Filing, InboundWorker],
  exports: [InboundWorker],
})
export class ConversationsModule {}
