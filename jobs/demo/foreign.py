# ruff: noqa: RUF001
"""Short paragraphs in five languages, written for the demo's foreign pages."""

from __future__ import annotations

PARAGRAPHS: dict[str, tuple[str, ...]] = {
    "de": (
        "Am frühen Morgen liegt Nebel über dem Fluss, und die Fischer ziehen ihre Boote ans "
        "Ufer. Wer jetzt durch die Gassen geht, hört nur die Glocken der Kirche und das "
        "Klappern der Fensterläden. Der Bäcker hat schon seit drei Uhr gearbeitet, und der "
        "Duft von warmem Brot zieht durch die ganze Straße.",
        "Die Bibliothek der Stadt wurde vor mehr als zweihundert Jahren gegründet. In ihren "
        "hohen Räumen stehen Bücher, die kaum jemand mehr liest, und doch kommt jeden Tag "
        "eine alte Dame, setzt sich an denselben Tisch und schlägt denselben Band auf. "
        "Niemand weiß, wonach sie darin sucht.",
        "Im Herbst sammeln die Kinder Kastanien und basteln daraus kleine Tiere. Die "
        "Großmutter kocht Marmelade aus Pflaumen, während der Großvater das Holz für den "
        "Winter stapelt. Wenn der erste Frost kommt, ist alles vorbereitet, und man sitzt "
        "abends gemeinsam am Ofen.",
        "Mit der Eisenbahn veränderte sich das Leben in den Dörfern von Grund auf. Waren, die "
        "früher tagelang unterwegs gewesen waren, kamen nun in wenigen Stunden an. Viele "
        "junge Leute zogen in die Städte, weil sie dort Arbeit in den Fabriken fanden und "
        "besser bezahlt wurden.",
        "Wer einen Garten anlegt, braucht vor allem Geduld. Der Boden muss gelockert, das "
        "Unkraut entfernt und der Kompost verteilt werden, bevor die ersten Samen in die Erde "
        "kommen. Danach heißt es warten, gießen und hoffen, dass weder Schnecken noch späte "
        "Fröste die Mühe zunichtemachen.",
    ),
    "fr": (
        "Le marché s'installe chaque samedi sur la place de la mairie, sous les grands "
        "platanes. Les paysans des environs y vendent leurs légumes, leurs fromages et leur "
        "miel, et l'on discute longtemps du temps qu'il fera. Vers midi, quand le soleil "
        "devient trop fort, chacun rentre chez soi.",
        "Ma grand-mère disait toujours qu'une bonne soupe demande du temps. Elle mettait les "
        "oignons à fondre doucement, puis ajoutait les poireaux, les pommes de terre et une "
        "branche de thym. Toute la maison sentait bon, et nous attendions impatiemment "
        "l'heure du dîner.",
        "Au dix-neuvième siècle, la ville s'est agrandie au-delà de ses anciens remparts. On "
        "a tracé de larges avenues, construit une gare et planté des jardins publics. Les "
        "habitants les plus riches ont quitté le centre pour s'établir dans ces quartiers "
        "neufs, plus clairs et mieux aérés.",
        "La mer était calme ce soir-là, et les bateaux rentraient lentement au port. Sur le "
        "quai, des enfants regardaient les pêcheurs décharger leurs caisses remplies de "
        "poissons argentés. Un vieil homme racontait qu'autrefois la pêche durait plusieurs "
        "semaines et que tous ne revenaient pas.",
        "Apprendre une langue étrangère, c'est entrer peu à peu dans une autre manière de "
        "penser. On commence par quelques mots, on se trompe souvent, puis un jour on "
        "comprend une plaisanterie sans l'avoir traduite. Ce moment récompense toutes les "
        "heures passées à étudier.",
    ),
    "es": (
        "Durante el verano, el pueblo se llena de gente que vuelve de la ciudad para pasar "
        "las vacaciones con la familia. Por la noche todos salen a la plaza, donde los "
        "mayores juegan a las cartas y los niños corren hasta muy tarde. En septiembre, las "
        "calles quedan otra vez en silencio.",
        "El molino que está junto al río dejó de funcionar hace más de cincuenta años. Sus "
        "paredes de piedra siguen en pie, aunque el tejado se hundió durante una tormenta. "
        "Los vecinos quieren convertirlo en un pequeño museo que explique cómo se hacía la "
        "harina.",
        "Mi padre trabajó toda su vida en el puerto y conocía por su nombre a cada uno de los "
        "barcos. Cuando yo era pequeño, me llevaba a ver cómo descargaban el café y la "
        "madera que llegaban de tierras lejanas. Desde entonces, el olor del mar me recuerda "
        "aquellos días.",
        "Para preparar una buena tortilla hacen falta pocas cosas: patatas, huevos, aceite, "
        "sal y, si se quiere, un poco de cebolla. El secreto consiste en freír las patatas "
        "despacio, sin que se doren demasiado, y en dejar que la mezcla repose antes de "
        "ponerla en la sartén.",
        "La biblioteca abre sus puertas a las nueve de la mañana y, a esa hora, ya hay varias "
        "personas esperando. Algunas vienen a leer el periódico, otras a estudiar para sus "
        "exámenes. La bibliotecaria las saluda a todas con una sonrisa y les recuerda que "
        "deben guardar silencio.",
    ),
    "ru": (
        "Ранним утром над рекой стоит густой туман, и кажется, что противоположный берег "
        "исчез совсем. Рыбаки молча сидят в лодках и ждут, когда поднимется солнце. Где-то "
        "далеко лает собака, потом снова становится тихо, и только вода плещется о деревянные "
        "мостки.",
        "Старая библиотека находится в самом центре города, рядом с театром. В её залах "
        "хранятся книги, которые были напечатаны ещё двести лет назад. Сюда приходят "
        "студенты, учёные и просто любопытные люди, чтобы провести несколько часов среди "
        "высоких шкафов.",
        "Зимой в деревне рано темнеет, поэтому вечера кажутся бесконечными. Бабушка вяжет "
        "тёплые носки, дедушка чинит сани, а дети слушают сказки и смотрят на огонь в печи. "
        "За окном падает снег, и дорогу к станции скоро занесёт полностью.",
        "Железная дорога изменила жизнь маленького города. Раньше товары везли на лошадях "
        "несколько недель, а теперь они приходили за два дня. Открылись новые магазины и "
        "мастерские, приехали инженеры, и на главной улице впервые появились электрические "
        "фонари.",
        "Чтобы вырастить хороший урожай, нужно много терпения и труда. Весной землю "
        "вскапывают и удобряют, летом поливают и защищают от сорняков, а осенью собирают "
        "овощи и фрукты. Настоящий садовник радуется каждому ростку и никогда не жалуется на "
        "погоду.",
    ),
    "zh": (
        "清晨的河面上笼罩着一层薄雾，渔民们划着小船慢慢靠近岸边。街上还很安静，只有卖"
        "豆浆的小店已经亮起了灯。老人们提着鸟笼走向公园，一边散步一边谈论昨天的新闻，"
        "孩子们背着书包匆匆忙忙地赶去学校。",
        "这座城市的图书馆建于一百多年以前，里面收藏着许多珍贵的古籍。每到周末，来看书"
        "的人总是很多，有的是准备考试的学生，有的是喜欢历史的老人。大家都轻声说话，生"
        "怕打扰别人，阅览室里只能听见翻书的声音。",
        "奶奶做的饺子是全家人最喜欢的食物。她先把白菜和猪肉剁碎，再加上葱、姜和一点香"
        "油，然后慢慢地包起来。过年的时候，全家人围坐在桌子旁边，一边吃饺子一边聊天，"
        "屋子里充满了欢笑。",
        "铁路修到小镇以后，人们的生活发生了很大的变化。过去运送货物需要走好几天的山路"
        "，现在只要几个小时就能到达。许多年轻人离开家乡去城市工作，也有不少商人来到这"
        "里开店，街道一天比一天热闹起来。",
        "学习一门外语需要耐心和坚持。刚开始的时候，我们只能记住几个简单的词语，说话也"
        "常常出错。可是只要每天练习，慢慢地就能听懂别人的意思，甚至可以用这门语言讲故"
        "事、写信、交朋友。",
    ),
}
