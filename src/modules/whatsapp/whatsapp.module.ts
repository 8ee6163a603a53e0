import { Module } from '@nestjs/common';
import { MulterModule } from '@nestjs/platform-express';
import { Config } from '#config/config';
import { JobsModule } from '#jobs/jobs.module';
import { FetchMedia } from './media/fetch-media';
import { MediaController, uploadOptions } from './media/media.controller';
import { MediaJobs, MediaSweeper } from './media/media.jobs';
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
  imports: [JobsModule.register('whatsapp-media', 'sweeper'), MulterModule.registerAsync({ inject: [Config], useFactory: uploadOptions })],
  // Before the numbers: `/whatsapp/webhook` and `/whatsapp/media` are not ids.
  controllers: [ReceiptController, MediaController],
  providers: [
    NumberDirectory,
    GraphTargets,
    InboundStore,
    Receipt,
    MediaStorage,
    MediaService,
    FetchMedia,
    MediaJobs,
    MediaSweeper,
    TemplatesService,
    {
      provide: GraphClient,
      inject: [Config],
      useFactory: (config: Config): GraphClient =>
        new GraphClient({ base_url: config.meta_graph_base_url, version: config.meta_graph_version, timeout_ms: 30_000 }),
    },
  ],
  exports: [NumberDirectory, GraphTargets, InboundStore, Receipt, GraphClient, MediaService, FetchMedia, TemplatesService],
})
export class WhatsAppModule {}
