import { Role } from '#common/actor';
import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { ContactImport, ImportStatus, OnDuplicate } from './contact-import.entity';

declareDemo(async ({ database, tx, actor, id }) => {
  const now = new Date();
  await database.repository(ContactImport, tx).insert(actor, {
    id: id(DEMO.contact_import_id),
    status: ImportStatus.completed,
    filename: 'feira.csv',
    on_duplicate: OnDuplicate.skip,
    total_rows: 2,
    processed_rows: 2,
    skipped_count: 1,
    failed_count: 1,
    errors: [{ row: 3, field: 'whatsapp_id', value: '5,5119E+12', message: 'must be a phone number with its country code' }],
    created_by: actor.user_id,
    started_at: now,
    finished_at: now,
    settings: {
      columns: [],
      country_code: '55',
      tags: [],
      replace_tags: false,
      opt_in: null,
      user_id: actor.user_id,
      role: Role.org_admin,
      api_key_id: null,
      home_organization_id: null,
    },
  });
});
