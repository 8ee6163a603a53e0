import type { TemplateAccount } from '../provider';
import type { GraphClient } from './graph-client';
import { type GraphAccount, GraphError } from './graph-http';
import { readTemplate } from './read-template';

/** Meta, "Message template not found". */
const NOT_FOUND = 2_593_002;

/** The templates of a WhatsApp Business Account. */
export function metaTemplates(graph: GraphClient, target: GraphAccount, waba_id: string): TemplateAccount {
  return {
    list: ({ limit, ...query }) => graph.templates(target, waba_id, { ...query, limit: String(limit) }),
    readAll: async () => {
      const templates = [];
      for await (const item of graph.allTemplates(target, waba_id)) templates.push(readTemplate(item));
      return templates;
    },
    read: async (meta_template_id) => readTemplate(await graph.getTemplate(target, meta_template_id)),
    create: async ({ parameter_format, ...template }) => {
      const body = { ...template, parameter_format: parameter_format.toUpperCase() };
      const { id, status, category } = await graph.createTemplate(target, waba_id, body);
      return {
        meta_template_id: id,
        status: status?.toUpperCase() ?? 'PENDING',
        category: category?.toUpperCase() ?? template.category,
      };
    },
    edit: (meta_template_id, content) => graph.editTemplate(target, meta_template_id, { ...content }),
    remove: async ({ name, meta_template_id }) => {
      if (meta_template_id === null) return;
      try {
        await graph.deleteTemplate(target, waba_id, { name, hsm_id: meta_template_id });
      } catch (error) {
        if (!(error instanceof GraphError) || error.subcode !== NOT_FOUND) throw error;
      }
    },
    uploadSample: async (file) => {
      const { app_id } = await graph.debugToken(target);
      return graph.uploadSample(target, app_id ?? '', file);
    },
  };
}
