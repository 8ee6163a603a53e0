import { randomBytes, randomUUID } from 'node:crypto';
import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { ConnectionType, WhatsAppNumber } from './whatsapp-number.entity';

const PHONE = '+551143210003';

/** A number that waits for its phone. */
declareDemo(async ({ database, tx, actor, id }) => {
  const { organization_id } = actor;
  const number = [organization_id, id(DEMO.qrcode_number_id)];
  await database.repository(WhatsAppNumber, tx).insert(actor, {
    id: number[1],
    phone_number: PHONE,
    display_name: 'Padaria Demo (QR)',
    connection_type: ConnectionType.qrcode,
    // Demos of one minute have the same eight digits.
    evolution_instance_name: `pytake_${organization_id.slice(0, 8)}_${PHONE.slice(1)}_${organization_id.slice(-8)}`,
  });
  await tx.rows(
    'INSERT INTO whatsapp_number_secrets (organization_id, whatsapp_number_id, webhook_verify_token, webhook_token) VALUES ($1, $2, $3, $4)',
    [...number, randomBytes(16).toString('hex'), randomUUID()],
  );
});
