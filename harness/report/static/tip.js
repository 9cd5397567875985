"use strict";
// What is pointed at tells about itself, beside the pointer.
const tip = document.getElementById("tip");

const hideTip = () => {
  tip.hidden = true;
};

const showTip = (event, lines) => {
  tip.textContent = lines.join("\n");
  tip.hidden = false;
  const left = event.clientX + 16 + tip.offsetWidth > innerWidth ? event.clientX - 16 - tip.offsetWidth : event.clientX + 16;
  const top = Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 4);
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
};
