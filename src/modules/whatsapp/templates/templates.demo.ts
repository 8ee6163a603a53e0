import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { Template } from './template.entity';

declareDemo(async ({ database, tx, actor, id }) => {
  await database.repository(Template, tx).insert(actor, {
    id: id(DEMO.template_id),
    whatsapp_number_id: id(DEMO.number_id),
    name: DEMO.template_name,
    language: 'pt_BR',
    category: 'UTILITY',
    status: 'APPROVED',
    meta_template_id: '999200000000001',
    components: [
      { type: 'BODY', text: 'Olá {{1}}, seu pedido {{2}} está pronto para retirada.', example: { body_text: [['Ana', '1042']] } },
    ],
  });
});
