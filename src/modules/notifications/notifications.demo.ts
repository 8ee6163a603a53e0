import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { Channel } from './notice-types';
import { DeliveryStatus, Notification } from './notification.entity';

declareDemo(async ({ database, tx, actor, id }) => {
  const user_id = actor.user_id ?? '';
  await database.repository(Notification, tx).insert(actor, {
    id: id(DEMO.notification_id),
    user_id,
    type: 'custom',
    title: 'Bem-vinda ao PyTake',
    message: 'Escreva como cliente no telefone à esquerda e responda como atendente à direita.',
    deliveries: [
      {
        channel: Channel.in_app,
        status: DeliveryStatus.sent,
        recipient: user_id,
        sent_at: new Date().toISOString(),
        error_message: null,
        reason: null,
        retry_count: 0,
      },
    ],
  });
});
