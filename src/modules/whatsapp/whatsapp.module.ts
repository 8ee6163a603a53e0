import { Module } from '@nestjs/common';
import { Config } from '#config/config';
import { MediaService } from './media/media.service';
import { MediaStorage } from './media/media-storage';
import { GraphClient } from './meta/graph-client';
import { GraphTargets } from './numbers/graph-targets';
import { NumberDirectory } from './numbers/number-directory';
import { InboundStore } from './receipt/inbound-store';
import { Receipt } from './receipt/receive';
import { ReceiptController } from './receipt/receipt.controller';
import { TemplatesService } from './templates/templates.service';

/** Our numbers and the two providers behind them: what comes in is kept here, what goes out is put into their words here. */
@Module({
  controllers: [ReceiptController],
  providers: [
    NumberDirectory,
    GraphTargets,
    InboundStore,
    Receipt,
    MediaStorage,
    MediaService,
    TemplatesService,
    {
      provide: GraphClient,
      inject: [Config],
      useFactory: (config: Config): GraphClient =>
        new GraphClient({ base_url: config.meta_graph_base_url, version: config.meta_graph_version, timeout_ms: 30_000 }),
    },
  ],
  exports: [NumberDirectory, GraphTargets, InboundStore, Receipt, GraphClient, MediaService, TemplatesService],
})
export class WhatsAppModule {}
