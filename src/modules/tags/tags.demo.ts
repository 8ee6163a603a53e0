import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { Tag, tagKey } from './tag.entity';

const NAME = 'Cliente fiel';

declareDemo(async ({ database, tx, actor, id }) => {
  await database.repository(Tag, tx).insert(actor, { id: id(DEMO.tag_id), name: NAME, name_key: tagKey(NAME), slug: 'cliente-fiel' });
});
