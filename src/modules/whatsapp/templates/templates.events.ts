import type { Template } from './template.entity';

declare module '#common/events' {
  interface Events {
    'template.status_updated': { organization_id: string; template: Template; previous_status: string };
  }
}
