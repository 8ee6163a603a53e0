import { Injectable } from '@nestjs/common';
import { Facts } from '#events/facts';

/** Messages that waited for the limit of an account leave when its counters are set to zero. */
@Injectable()
export class LimitResets {
  constructor(facts: Facts) {
    facts.reader({
      name: 'limit-resets',
      events: ['whatsapp_number.limits_reset'],
      read: async (tx, told) => {
        await tx.rows(
          // The numbers of an account share its limit.
          `UPDATE outbound_sends SET due_at = now() WHERE organization_id = $1 AND attempts = 0 AND due_at > now() AND whatsapp_number_id IN (
             SELECT other.id FROM whatsapp_numbers n
               JOIN whatsapp_numbers other ON other.organization_id = n.organization_id
                AND (other.id = n.id OR other.whatsapp_business_account_id = n.whatsapp_business_account_id)
              WHERE n.organization_id = $1 AND n.id = ANY($2))`,
          [told[0].organization_id, told.map(({ data }) => data.number_id)],
        );
      },
    });
  }
}
