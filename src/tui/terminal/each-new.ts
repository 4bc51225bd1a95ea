import { useEffect, useRef } from "react";

/** Calls once for each item of a list that only grows. */
export function useEachNew<Item>(items: readonly Item[], act: (item: Item) => void): void {
  const done = useRef(0);
  useEffect(() => {
    for (const item of items.slice(done.current)) {
      act(item);
    }
    done.current = items.length;
  });
}
