const OPEN = new WeakSet<object>();

/** An input that keeps fields we do not know, as they are given. */
export const Open = (): ClassDecorator => (target) => void OPEN.add(target);

export const isOpen = (target: object): boolean => OPEN.has(target);
