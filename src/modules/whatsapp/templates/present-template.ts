import type { JsonObject } from '#common/json.scalar';
import { asList, asObject, asText, isObject } from '../wire';
import { TemplateCount } from './template-count.entity';
import { renderedExample, variablesOf } from './template-parameters';
import { TemplateView } from './template.dto';
import { Template } from './template.entity';

/** The counts of a template; none: no message has been sent with it. */
export type Counts = Pick<TemplateCount, 'sent_count' | 'delivered_count' | 'read_count' | 'failed_count'>;
const NO_COUNTS: Counts = { sent_count: 0, delivered_count: 0, read_count: 0, failed_count: 0 };

/** A template as the API shows it: Meta's components, the same laid flat, and how its messages fared. */
export function presentTemplate(template: Template, counts: Counts = NO_COUNTS): TemplateView {
  const { deleted_at: _, approved_edits: _edits, busy_until: _busy, ...shown } = template;
  const parts = asList(template.components).filter(isObject);
  const part = (type: string): JsonObject | undefined => parts.find((one) => asText(one.type)?.toUpperCase() === type);
  const [header, body, footer, buttons] = ['HEADER', 'BODY', 'FOOTER', 'BUTTONS'].map(part);
  const buttonList = asList(buttons?.buttons).filter(isObject);
  const header_text = asText(header?.text);
  const inHeader = variablesOf(header_text);
  const inBody = variablesOf(body?.text);
  const variables = [
    ...inHeader.map((key, n) => ({ component: 'header', key, button_index: null, example: exampleOf(header, 'header_text', key, n) })),
    ...inBody.map((key, n) => ({ component: 'body', key, button_index: null, example: exampleOf(body, 'body_text', key, n) })),
    ...buttonList.flatMap((button, button_index) =>
      variablesOf(button.url).map((key) => ({ component: 'button', key, button_index, example: endOfUrl(button) })),
    ),
  ];
  const body_text = asText(body?.text, 4096);
  return {
    ...shown,
    ...counts,
    header_type: header ? (asText(header.format)?.toUpperCase() ?? 'TEXT') : null,
    header_text,
    header_variables_count: inHeader.length,
    body_text,
    body_variables_count: inBody.length,
    footer_text: asText(footer?.text),
    buttons: buttonList,
    variables,
    rendered_text:
      body_text &&
      renderedExample(
        body_text,
        new Map(variables.flatMap(({ component, key, example }) => (component === 'body' && example ? [[key, example]] : []))),
      ),
  } as unknown as TemplateView;
}

/** Meta shows the whole address; the variable is its end. */
function endOfUrl({ url, example }: JsonObject): string | null {
  const shown = asText(asList(example)[0], 2048);
  const [start] = (asText(url, 2048) ?? '').split('{{');
  return shown?.startsWith(start) ? shown.slice(start.length) : shown;
}

/** Meta: `header_text: ["x"]`, `body_text: [["x", "y"]]`, and both as `..._named_params: [{param_name, example}]`. */
export function exampleOf(component: JsonObject | undefined, field: 'header_text' | 'body_text', key: string, n: number): string | null {
  const example = asObject(component?.example);
  const named = asList(example?.[`${field}_named_params`])
    .filter(isObject)
    .find((one) => one.param_name === key);
  if (named) return asText(named.example);
  const values = asList(example?.[field]);
  return asText(Array.isArray(values[0]) ? (values[0] as unknown[])[n] : values[n]);
}
