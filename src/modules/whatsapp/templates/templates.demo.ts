import { DEMO } from '#common/demo';
import { declareDemo } from '#database/demo-rows';
import { Template } from './template.entity';

declareDemo(async ({ database, tx, actor, id }) => {
  const templates = database.repository(Template, tx);
  await templates.insert(actor, {
    id: id(DEMO.draft_template_id),
    whatsapp_number_id: id(DEMO.number_id),
    name: 'cupom_da_semana',
    language: 'pt_BR',
    category: 'MARKETING',
    status: 'DRAFT',
    components: [
      { type: 'BODY', text: 'Olá {{1}}, esta semana o pão de queijo sai pela metade do preço.', example: { body_text: [['Ana']] } },
      { type: 'FOOTER', text: 'Responda PARAR para não receber ofertas' },
    ],
  });
  await templates.insert(actor, {
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
