import { declarePermissions } from '#common/permissions';
import { declareRates } from '#config/rate-classes';

declarePermissions('whatsapp', { called: 'WhatsApp numbers and files', read: 'viewer', write: 'agent' });
declarePermissions('templates', { called: 'message templates', read: 'viewer', write: 'agent' });

export const WHATSAPP_RATES = declareRates({
  webhook: { limit: 1000, seconds: 60, by_address: true },
});

declare module '#common/permissions' {
  interface PermissionResources {
    whatsapp: true;
    templates: true;
  }
}

declare module '#config/rate-classes' {
  interface RateClasses extends Record<keyof typeof WHATSAPP_RATES, true> {}
}
