// What the page says, in its languages; problems by the code that the service gives.

const WORDS = {
  en: {
    skip: "Skip to the looks", motto: "See it on before you buy it.", theme: "Light or dark", person: "You",
    personHint: "Drop a photo here: one person, upright, from the front.", choosePhoto: "Choose a photo",
    camera: "Camera", samples: "Or try with a drawn figure", garments: "Garments",
    garmentsHint: "Choose one or more. Your own: a top, laid out flat or on a hanger.", addGarment: "Add a garment",
    looks: "Looks", looksHint: "Choose a photo and a garment, and see them together here.",
    promise: "Photos are held in memory while you try things on, and never stored.",
    take: "Take the photo", cancel: "Cancel", save: "Use it", mask: "Garment mask",
    maskHint: "Paint over what belongs to the garment; everything else is left out.",
    maskCanvas: "Garment with its mask. Paint with the mouse or a finger; or move with the arrow keys and paint with space.",
    brush: "Brush", add: "Add", erase: "Erase", size: "Size", undo: "Undo", found: "Find it again",
    key: "Access key", keyHint: "This service asks for a key.",
    samplePerson: n => `Drawn figure ${n}`, sampleGarment: n => `Drawn garment ${n}`, ownGarment: n => `Your garment ${n}`,
    editMask: "Mask", editMaskOf: name => `Edit the mask of ${name}`, working: "Dressing …",
    look: name => `You in ${name}`, photo: "Your photo", compare: name => `Before and after: ${name}`,
    before: "Before", after: "After", download: "Download", downloadOf: name => `Download the look with ${name}`,
    takeOff: "Take off", takeOffOf: name => `Take off ${name}`, ready: name => `The look with ${name} is ready.`,
    noCamera: "The camera can't be used here. Choose a photo instead.", offline: "The service can't be reached. Is it running?",
    problems: {},
    warnings: {
      "several-garments": "Several pieces are seen: show one garment alone, or edit its mask.",
      "folded-garment": "It looks folded: lay the garment out flat and whole.",
      "not-a-top": "It does not have the outline of a top: show a shirt, pullover, jacket or dress, upright.",
      "worn-garment": "Somebody wears it: show the garment alone.",
      "unsure-look": "The garment may be in the wrong place: stand straight, with your arms away from your body.",
    },
  },
  zh: {
    skip: "跳到试穿效果", motto: "先试穿，再购买。", theme: "浅色或深色", person: "您的照片",
    personHint: "将照片拖到这里：一个人，正面站立。", choosePhoto: "选择照片",
    camera: "拍照", samples: "或用示例人物试试", garments: "服装",
    garmentsHint: "选择一件或多件。也可添加自己的：平铺或挂起的上衣。", addGarment: "添加服装",
    looks: "试穿效果", looksHint: "选择照片和服装，在这里查看效果。",
    promise: "试穿期间照片只保存在内存中，从不存储。",
    take: "拍摄", cancel: "取消", save: "使用", mask: "服装遮罩",
    maskHint: "涂抹属于服装的部分，其余部分将被忽略。",
    maskCanvas: "服装及其遮罩。用鼠标或手指涂抹；或用方向键移动，用空格键涂抹。",
    brush: "画笔", add: "添加", erase: "擦除", size: "大小", undo: "撤销", found: "重新识别",
    key: "访问密钥", keyHint: "此服务需要密钥。",
    samplePerson: n => `示例人物 ${n}`, sampleGarment: n => `示例服装 ${n}`, ownGarment: n => `您的服装 ${n}`,
    editMask: "遮罩", editMaskOf: name => `编辑${name}的遮罩`, working: "正在试穿……",
    look: name => `您穿着${name}`, photo: "您的照片", compare: name => `前后对比：${name}`,
    before: "试穿前", after: "试穿后", download: "下载", downloadOf: name => `下载${name}的试穿效果`,
    takeOff: "脱下", takeOffOf: name => `脱下${name}`, ready: name => `${name}的试穿效果已完成。`,
    noCamera: "无法使用相机，请选择照片。", offline: "无法连接服务，请确认它正在运行。",
    problems: {
      "not-a-picture": "这不是图片，请使用 JPEG、PNG 或 WebP 文件。", "picture-too-large": "图片太大，请缩小后再试。",
      "body-too-large": "图片太大，请缩小后再试。", "unusable-picture": "无法使用这张图片：请用正面站立的人物照片，以及纯浅色背景的服装图，或编辑遮罩。",
      "busy": "服务繁忙，请稍后再试。", "too-many-requests": "请求过于频繁，请稍后再试。", "unknown-key": "密钥无效。",
      "no-person": "照片中没有找到人物：需要一个人的正面照片，从头部到臀部。", "person-too-small": "人物太小，请靠近一些，或使用更大的照片。",
      "back-view": "人物背对镜头，请使用正面照片。", "upper-body-outside": "上半身没有完全拍到，请拍到双肩和手臂。",
      "too-dark": "照片太暗，请在光线充足处拍摄。", "blurred": "照片模糊，请拿稳相机并对焦。",
    },
    warnings: {
      "several-garments": "看到多件物品：请只展示一件服装，或编辑遮罩。",
      "folded-garment": "服装看起来是折叠的，请将其平铺展开。",
      "not-a-top": "轮廓不像上衣：请竖直展示衬衫、毛衣、外套或连衣裙。",
      "worn-garment": "服装正穿在人身上：请只展示服装本身。",
      "unsure-look": "服装的位置可能不准确：请站直，手臂离开身体。",
    },
  },
};

let language = (localStorage.getItem("language") || navigator.language || "en").startsWith("zh") ? "zh" : "en";

export const word = (name, ...values) => {
  const found = WORDS[language][name];
  return typeof found === "function" ? found(...values) : found;
};

export const warningText = code => WORDS[language].warnings[code] || "";

export const problemText = problem => WORDS[language].problems[problem.code] || problem.detail || word("offline");

export function tell() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", word(element.dataset.label));
  const other = document.getElementById("language");
  [other.textContent, other.lang] = language === "en" ? ["中文", "zh"] : ["English", "en"];
}

export function switchLanguage() {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem("language", language);
  tell();
}
