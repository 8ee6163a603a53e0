import { Injectable } from '@nestjs/common';
import { Facts } from '#events/facts';
import { SecurityAlerts } from './security-alerts';

/** Another password is an alert too; it is set in the room of users, whatever the way to it. */
@Injectable()
export class PasswordAlerts {
  constructor(facts: Facts, alerts: SecurityAlerts) {
    facts.reader({
      name: 'password-alerts',
      events: ['user.password_changed'],
      read: async (tx, told) => {
        for (const { organization_id, data } of told) await alerts.passwordChanged(tx, { organization_id, id: String(data.user_id) });
      },
    });
  }
}
