import { type MiddlewareConsumer, Module, type NestModule, RequestMethod } from '@nestjs/common';
import { MulterModule } from '@nestjs/platform-express';
import { Config } from '#config/config';
import { JobsModule } from '#jobs/jobs.module';
import './whatsapp.errors';
import './media/media.events';
import './numbers/numbers.events';
import './templates/templates.demo';
import './templates/templates.events';
import { FetchMedia } from './media/fetch-media';
import { MediaController, uploadOptions } from './media/media.controller';
import { MediaSweeper } from './media/media.jobs';
import { MediaService } from './media/media.service';
import { MediaQuota } from './media/media-quota';
import { MediaStorage } from './media/media-storage';
import { EvolutionProvider } from './evolution/evolution-provider';
import { GraphClient } from './meta/graph-client';
import { MetaProvider } from './meta/meta-provider';
import { ReceiptDoor } from './meta/receipt.door';
import { Receipt } from './meta/receive';
import { ReceiptController } from './meta/receipt.controller';
import { NumberLimits } from './limits/number-limits';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { CheckNumber } from './numbers/check-number';
import { NumbersController } from './numbers/numbers.controller';
import { NumberJobs } from './numbers/numbers.jobs';
import { NumberNotices } from './numbers/number-notices';
import { NumberWebhooks } from './numbers/number-webhooks';
import { NumbersRealtime } from './numbers/numbers.realtime';
import { NumbersResolver } from './numbers/numbers.resolver';
import { NumbersService } from './numbers/numbers.service';
import { FollowOrganization } from './numbers/follow-organization';
import { NumberDirectory } from './numbers/number-directory';
import { Providers } from './providers';
import { InboundStore } from './receipt/inbound-store';
import { SyncTemplates } from './templates/sync-templates';
import { TemplateNews } from './templates/template-news';
import { TemplateWebhooks } from './templates/template-webhooks';
import { TemplatesController } from './templates/templates.controller';
import { TemplatesResolver } from './templates/templates.resolver';
import { TemplatesRealtime } from './templates/templates.realtime';
import { TemplatesService } from './templates/templates.service';

/** Our numbers and the two providers behind them: what comes in is kept here, what goes out is put into their words here. */
@Module({
  imports: [
    OrganizationsModule,
    NotificationsModule,
    JobsModule.register('number-health', 'sweeper'),
    MulterModule.registerAsync({ inject: [Config], useFactory: uploadOptions }),
  ],
  controllers: [ReceiptController, MediaController, NumbersController, TemplatesController],
  providers: [
    NumberDirectory,
    NumberLimits,
    Providers,
    MetaProvider,
    EvolutionProvider,
    NumbersService,
    CheckNumber,
    NumberJobs,
    NumberNotices,
    NumberWebhooks,
    FollowOrganization,
    NumbersRealtime,
    NumbersResolver,
    InboundStore,
    Receipt,
    ReceiptDoor,
    MediaStorage,
    MediaQuota,
    MediaService,
    FetchMedia,
    MediaSweeper,
    TemplateNews,
    TemplateWebhooks,
    TemplatesRealtime,
    TemplatesService,
    SyncTemplates,
    TemplatesResolver,
    {
      provide: GraphClient,
      inject: [Config],
      useFactory: (config: Config): GraphClient =>
        new GraphClient({ base_url: config.meta_graph_base_url, version: config.meta_graph_version, timeout_ms: 30_000 }),
    },
  ],
  exports: [
    NumberDirectory,
    NumberLimits,
    NumbersService,
    Providers,
    InboundStore,
    MediaService,
    FetchMedia,
    TemplateNews,
    TemplatesService,
  ],
})
export class WhatsAppModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(ReceiptDoor).forRoutes({ path: 'whatsapp/webhook', method: RequestMethod.POST });
  }
}
