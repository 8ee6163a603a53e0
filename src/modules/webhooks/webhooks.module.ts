import { Module } from '@nestjs/common';
import { NotificationsModule } from '#modules/notifications/notifications.module';
import { OrganizationsModule } from '#modules/organizations/organizations.module';
import './webhooks.access';
import './webhooks.demo';
import './webhooks.errors';
import './webhooks.metrics';
import { BoundBacklogs } from './bound-backlogs';
import { CallWebhook } from './call-webhook';
import { DeliverWebhooks } from './deliver-webhooks';
import { HearFacts } from './hear-facts';
import { Listening } from './listening';
import { RemoveWebhooks } from './remove-webhooks';
import { WebhookHealth } from './webhook-health';
import { WebhookLog } from './webhook-log';
import { WebhookSecrets } from './webhook-secrets';
import { WebhooksController } from './webhooks.controller';
import { WebhooksOfNumbers } from './webhooks-of-numbers';
import { WebhooksResolver } from './webhooks.resolver';
import { WebhooksService } from './webhooks.service';

/** Endpoints of an organization's own that are told what happens. */
@Module({
  imports: [OrganizationsModule, NotificationsModule],
  controllers: [WebhooksController],
  providers: [
    WebhooksService,
    WebhookLog,
    WebhookSecrets,
    WebhookHealth,
    Listening,
    HearFacts,
    CallWebhook,
    DeliverWebhooks,
    BoundBacklogs,
    RemoveWebhooks,
    WebhooksOfNumbers,
    WebhooksResolver,
  ],
})
export class WebhooksModule {}
