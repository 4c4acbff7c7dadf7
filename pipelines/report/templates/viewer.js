"use strict";
// The brain viewer. Without this script its box stays hidden and the pictures of the page say the same.
const VIEWS = [
  { name: "sagittal", axis: "x", fixed: 0, across: 1, up: 2 },
  { name: "coronal", axis: "y", fixed: 1, across: 0, up: 2 },
  { name: "axial", axis: "z", fixed: 2, across: 0, up: 1 },
];
const SCALE = 4; // pixels of the canvas for a voxel

async function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Kind(await new Response(stream).arrayBuffer());
}

function make(parent, tag, properties) {
  return parent.appendChild(Object.assign(document.createElement(tag), properties));
}

const signed = (value) => String(value).replace("-", "\u2212");

class Brain {
  constructor(box, content) {
    this.content = content;
    this.at = [0, 0, 0];
    const bar = make(box, "p", { className: "choice" });
    const label = make(bar, "label", { textContent: "Map " });
    this.menu = make(label, "select", {});
    content.maps.forEach((map, index) => make(this.menu, "option", { value: index, textContent: map.name }));
    this.menu.onchange = () => this.choose(Number(this.menu.value));
    const row = make(box, "div", { className: "slices" });
    this.views = VIEWS.map((view) => this.build(row, view));
    this.legend = make(box, "p", { className: "legend" });
    this.low = make(this.legend, "span", {});
    this.strip = make(this.legend, "span", { className: "strip" });
    this.strip.style.background = `linear-gradient(90deg, ${content.colours.map((rgb) => `rgb(${rgb})`).join()})`;
    this.high = make(this.legend, "span", {});
    this.unit = make(this.legend, "span", {});
    this.readout = make(box, "output", {});
  }

  build(row, view) {
    const shape = this.content.shape;
    const cell = make(row, "div", {});
    const canvas = make(cell, "canvas", {
      width: shape[view.across] * SCALE, height: shape[view.up] * SCALE, title: "Click to move the cross",
    });
    canvas.setAttribute("role", "img");
    const label = make(cell, "label", {});
    const words = make(label, "span", {});
    const slider = make(label, "input", { type: "range", min: 0, max: shape[view.fixed] - 1 });
    slider.oninput = () => { this.at[view.fixed] = Number(slider.value); this.draw(); };
    const move = (event) => {
      const frame = canvas.getBoundingClientRect();
      const part = (where, length, size) => Math.min(size - 1, Math.max(0, Math.floor((where / length) * size)));
      this.at[view.across] = part(event.clientX - frame.left, frame.width, shape[view.across]);
      this.at[view.up] = shape[view.up] - 1 - part(event.clientY - frame.top, frame.height, shape[view.up]);
      this.draw();
    };
    canvas.onpointerdown = move;
    canvas.onpointermove = (event) => { if (event.buttons) move(event); };
    return { ...view, canvas, words, slider };
  }

  async choose(index) {
    this.map = this.content.maps[index];
    this.values = await unpack(this.map.values, Int8Array);
    this.at = [...this.map.start];
    this.low.textContent = signed((-this.map.limit).toPrecision(2));
    this.high.textContent = this.map.limit.toPrecision(2);
    this.unit.textContent = this.map.unit;
    this.draw();
  }

  index(place) {
    const [, ny, nz] = this.content.shape;
    return (place[0] * ny + place[1]) * nz + place[2];
  }

  millimetres(axis) {
    return signed(Math.round(this.content.origin[axis] + this.at[axis] * this.content.step[axis]));
  }

  colour(voxel, pixels, to) {
    const value = this.values[voxel];
    const gray = this.content.anatomy[voxel];
    const weight = Math.abs(value) < this.map.hidden ? 0 : Math.min(1, (this.map.opacity * Math.abs(value)) / 127);
    const colours = this.content.colours;
    const step = ((value + 127) / 254) * (colours.length - 1);
    const below = colours[Math.floor(step)];
    const above = colours[Math.ceil(step)];
    for (let part = 0; part < 3; part += 1) {
      const blend = below[part] + (above[part] - below[part]) * (step - Math.floor(step));
      pixels[to + part] = gray * (1 - weight) + blend * weight;
    }
    pixels[to + 3] = gray || weight ? 255 : 0;
  }

  draw() {
    for (const view of this.views) this.slice(view);
    const value = (this.values[this.index(this.at)] / 127) * this.map.limit;
    const place = VIEWS.map((view) => this.millimetres(view.fixed)).join(", ");
    this.readout.textContent = `At ${place} mm: ${value ? signed(value.toPrecision(2)) : "nothing shown"}`;
  }

  slice(view) {
    const [width, height] = [this.content.shape[view.across], this.content.shape[view.up]];
    const image = new ImageData(width, height);
    const place = [...this.at];
    for (let row = 0; row < height; row += 1) {
      for (let column = 0; column < width; column += 1) {
        place[view.across] = column;
        place[view.up] = height - 1 - row;
        this.colour(this.index(place), image.data, 4 * (row * width + column));
      }
    }
    const small = document.createElement("canvas");
    Object.assign(small, { width, height });
    small.getContext("2d").putImageData(image, 0, 0);
    const pen = view.canvas.getContext("2d");
    pen.clearRect(0, 0, view.canvas.width, view.canvas.height);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(small, 0, 0, view.canvas.width, view.canvas.height);
    pen.strokeStyle = getComputedStyle(view.canvas).color;
    pen.globalAlpha = 0.7;
    pen.beginPath();
    const [x, y] = [(this.at[view.across] + 0.5) * SCALE, (height - this.at[view.up] - 0.5) * SCALE];
    pen.moveTo(x, 0); pen.lineTo(x, view.canvas.height); pen.moveTo(0, y); pen.lineTo(view.canvas.width, y);
    pen.stroke();
    pen.globalAlpha = 1;
    if (view.across === 0) {
      pen.fillStyle = pen.strokeStyle;
      pen.font = "18px sans-serif";
      pen.fillText("L", 4, 20);
      pen.fillText("R", view.canvas.width - 18, 20);
    }
    const words = `${view.axis} = ${this.millimetres(view.fixed)} mm`;
    view.words.textContent = words;
    view.slider.value = this.at[view.fixed];
    view.canvas.setAttribute("aria-label", `${view.name} slice at ${words}: ${this.map.name}`);
  }
}

async function show(box) {
  const content = JSON.parse(box.dataset.brain);
  content.anatomy = await unpack(content.anatomy, Uint8Array);
  const brain = new Brain(box, content);
  await brain.choose(0);
  box.hidden = false;
}

document.querySelectorAll("[data-brain]").forEach(show);
