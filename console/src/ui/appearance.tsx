// The switch between light, dark and what the system has.

import { type Theme, theme } from "../theme.ts";
import { Icon, type IconName } from "./icon.tsx";

const CHOICES: { theme: Theme; icon: IconName; label: string }[] = [
  { theme: "system", icon: "screen", label: "As the system" },
  { theme: "light", icon: "sun", label: "Light" },
  { theme: "dark", icon: "moon", label: "Dark" },
];

export function Appearance() {
  return (
    <fieldset class="appearance">
      <legend class="sr">Appearance</legend>
      {CHOICES.map((choice) => (
        <label key={choice.theme} title={choice.label}>
          <input
            type="radio"
            name="appearance"
            class="sr"
            checked={theme.value === choice.theme}
            onChange={() => {
              theme.value = choice.theme;
            }}
          />
          <Icon name={choice.icon} />
          <span class="sr">{choice.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
