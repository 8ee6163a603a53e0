import { type MiddlewareConsumer, Module, type NestModule, RequestMethod } from '@nestjs/common';
import { MulterModule } from '@nestjs/platform-express';
import { Config } from '#config/config';
import { JobsModule } from '#jobs/jobs.module';
import './whatsapp.access';
import './whatsapp.errors';
import './media/media.events';
import './numbers/numbers.demo';
import './numbers/numbers.events';
import './templates/templates.demo';
import './templates/templates.events';
import { AllFiles } from './media/all-files';
import { FetchMedia } from './media/fetch-media';
import { KeepMedia } from './media/keep-media';
import { MediaHealth } from './media/media-health';
import { MediaController, uploadOptions } from './media/media.controller';
import { MediaSweeper } from './media/media.jobs';
import { MediaService } from './media/media.service';
import { MediaQuota } from './media/media-quota';
import { LinkedFiles } from './media/linked-files';
import { MediaStorage } from './media/media-storage';
import { Thumbnails } from './media/thumbnails';
import { EvolutionClient } from './evolution/evolution-client';
import { EvolutionProvider } from './evolution/evolution-provider';
import { EvolutionReceiptController } from './evolution/evolution-receipt.controller';
import { EvolutionReceiptDoor } from './evolution/evolution-receipt.door';
import { EvolutionReceipt } from './evolution/receive';
import { GraphClient } from './meta/graph-client';
import { MetaProvider } from './meta/meta-provider';
import { ReceiptDoor } from './meta/receipt.door';
import { Receipt } from './meta/receive';
import { ReceiptController } from './meta/receipt.controller';
import { NumberLimits } from './limits/number-limits';
import { PortfolioLimit } from './limits/portfolio-limit';
import { RateLimitUsages } from './limits/rate-limit-usages';
import { RateLimitsController } from './limits/rate-limits.controller';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import { CheckNumber } from './numbers/check-number';
import { EndPairing } from './numbers/end-pairing';
import { InstanceSettings } from './numbers/instance-settings';
import { NumberConnections } from './numbers/number-connections';
import { PairNumber } from './numbers/pair-number';
import { NumbersController } from './numbers/numbers.controller';
import { NumberJobs } from './numbers/numbers.jobs';
import { NumberNotices } from './numbers/number-notices';
import { NumberWebhooks } from './numbers/number-webhooks';
import { NumbersRealtime } from './numbers/numbers.realtime';
import { NumbersResolver } from './numbers/numbers.resolver';
import { NumbersService } from './numbers/numbers.service';
import { FollowOrganization } from './numbers/follow-organization';
import { NumberDirectory } from './numbers/number-directory';
import { NumberKeys } from './numbers/number-keys';
import { Providers } from './providers';
import { InboundStore } from './receipt/inbound-store';
import { AccountOfNumber } from './templates/account-of-number';
import { HeaderSamples } from './templates/header-samples';
import { SubmitTemplate } from './templates/submit-template';
import { SyncTemplates } from './templates/sync-templates';
import { TemplateNews } from './templates/template-news';
import { TemplateNotices } from './templates/template-notices';
import { TemplateWebhooks } from './templates/template-webhooks';
import { TemplatesController } from './templates/templates.controller';
import { TemplateJobs } from './templates/templates.jobs';
import { TemplatesResolver } from './templates/templates.resolver';
import { TemplatesRealtime } from './templates/templates.realtime';
import { TemplatesService } from './templates/templates.service';

/** Our numbers and the two providers behind them: what comes in is kept here, what goes out is put into their words here. */
@Module({
  imports: [
    OrganizationsModule,
    NotificationsModule,
    JobsModule.register('number-health', 'sweeper', 'templates-sync'),
    MulterModule.registerAsync({ inject: [Config], useFactory: uploadOptions }),
  ],
  controllers: [
    ReceiptController,
    EvolutionReceiptController,
    MediaController,
    NumbersController,
    RateLimitsController,
    TemplatesController,
  ],
  providers: [
    NumberDirectory,
    NumberLimits,
    PortfolioLimit,
    RateLimitUsages,
    Providers,
    MetaProvider,
    EvolutionClient,
    EvolutionProvider,
    NumbersService,
    NumberKeys,
    InstanceSettings,
    CheckNumber,
    EndPairing,
    NumberConnections,
    PairNumber,
    NumberJobs,
    NumberNotices,
    NumberWebhooks,
    FollowOrganization,
    NumbersRealtime,
    NumbersResolver,
    InboundStore,
    Receipt,
    ReceiptDoor,
    EvolutionReceipt,
    EvolutionReceiptDoor,
    LinkedFiles,
    MediaStorage,
    Thumbnails,
    KeepMedia,
    MediaHealth,
    MediaQuota,
    MediaService,
    AllFiles,
    FetchMedia,
    MediaSweeper,
    AccountOfNumber,
    HeaderSamples,
    TemplateJobs,
    TemplateNews,
    TemplateNotices,
    TemplateWebhooks,
    TemplatesRealtime,
    TemplatesService,
    SubmitTemplate,
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
    NumberConnections,
    NumberDirectory,
    NumberLimits,
    PortfolioLimit,
    NumbersService,
    Providers,
    InboundStore,
    MediaService,
    AllFiles,
    FetchMedia,
    MediaStorage,
    TemplateNews,
    TemplatesService,
  ],
})
export class WhatsAppModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(ReceiptDoor).forRoutes({ path: 'whatsapp/webhook', method: RequestMethod.POST });
    const evolution = 'whatsapp/webhook/evolution/:webhook_token';
    consumer
      .apply(EvolutionReceiptDoor)
      .forRoutes({ path: evolution, method: RequestMethod.POST }, { path: `${evolution}/:event_slug`, method: RequestMethod.POST });
  }
}
