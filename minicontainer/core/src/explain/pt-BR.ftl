# O que cada passo de um plano faz e para que serve, em português do Brasil.
#
# Uma mensagem para cada tipo de passo: `step-KIND`, em que KIND é o nome do próprio passo em kebab case. A mensagem diz
# em uma frase o que é feito; o atributo `.why`, o que aconteceria sem isso. Entre chaves ficam os valores do passo.
# Chamadas de sistema e páginas de manual não estão aqui: são as mesmas em todas as línguas.

## O plano como um todo

plan-heading = { $count ->
    [one] Um passo
   *[other] { $count } passos
 } de um processo comum a um contêiner.
actor-engine = O motor, no host
actor-container = O primeiro processo do contêiner
label-man-pages = Leia mais:
label-nothing = nenhuma

## Grupos de controle: quanto o contêiner pode usar

step-create-cgroup = Criar o grupo de controle { $name } para { $controllers }
    .why = Os namespaces decidem o que um processo vê; os grupos de controle, quanto ele pode usar. Todos os processos do contêiner são contados juntos aqui, e por isso um limite vale para o contêiner inteiro, por mais processos que ele crie.

step-limit-together = Limitar os processos de todos os contêineres do root, juntos, a { $max }
    .why = Uma máquina só consegue numerar certa quantidade de processos. Por mais alto que seja o limite de cada contêiner, e mesmo que não haja nenhum, todos juntos deixam alguns números para o host, que precisa de um para encerrá-los.

step-limit-memory = Permitir { $size } de memória{ $swap ->
    [some] {" "}e { $most } de área de swap
    [unlimited] {" "}e qualquer quantidade de área de swap
   *[none] {""}
 } ao conjunto dos processos do contêiner
    .why = Quando o grupo chega ao limite e não há mais nada a recuperar, o kernel mata um processo deste grupo, e de nenhum outro. { $swap ->
    [some] O que não cabe na memória pode ir para a área de swap da máquina, no disco, que é lenta, mas não além deste limite.
    [unlimited] O que não cabe na memória vai para a área de swap da máquina, no disco: o contêiner fica lento antes de ser morto, e pode deixar os outros lentos.
   *[none] A área de swap não é uma saída: onde o kernel a conta, ela é limitada também.
 } Sem o limite, um só contêiner poderia tomar toda a memória da máquina.

step-limit-cpu = Permitir { $percent }% de um processador: { $quota } µs a cada { $period } µs
    .why = Um grupo que já gastou a sua parte descansa até o próximo período. Sem o limite, alguns laços infinitos aqui dentro deixariam todo o resto da máquina lento.

step-limit-pids = Permitir no máximo { $max ->
    [one] um processo ou thread
   *[other] { $max } processos e threads
 } ao mesmo tempo
    .why = Acima desse número, fork(2) falha com EAGAIN. Sem o limite, um programa que só cria cópias de si mesmo (uma fork bomb) esgotaria os identificadores de processo da máquina toda, mesmo de dentro de um namespace de pid: cada processo seu tem também um identificador no host.

step-limit-cpuset = Rodar somente nos processadores { $cpus }
    .why = O que se mede num contêiner não é perturbado por outro que roda em outros processadores. Sem isso, o kernel leva os processos para qualquer processador que esteja livre.

step-limit-devices = Permitir estes dispositivos e nenhum outro: { $allowed }
    .why = Um nó de dispositivo é um arquivo que qualquer um pode trazer, numa imagem ou num volume; o que ele abre é da máquina. Aqui o kernel pergunta ao grupo de controle, não às permissões do arquivo: um nó do disco do host não se abre, não importa quem o tenha criado.

step-join-cgroup = Entrar no grupo de controle, em { $controllers }
    .why = Na versão 1 dos cgroups, um processo entra no grupo quando o seu identificador é escrito no arquivo “tasks”, e 0 quer dizer “eu mesmo”. Ele entra antes de o programa começar, e assim nada do que o programa fizer fica fora da conta.

step-unshare-cgroup = Ver o próprio grupo de controle como a raiz da árvore
    .why = A visão começa no grupo em que o processo está neste momento; por isso ele precisa entrar antes. Daqui em diante, /proc/self/cgroup mostra “/” e já não revela o nome do contêiner nem o seu lugar no host.

## O primeiro processo

step-clone = Criar o primeiro processo do contêiner{ $count ->
    [0] , nos namespaces do próprio host
    [one] , em um namespace novo: { $namespaces }
   *[other] , em { $count } namespaces novos: { $namespaces }
 }
    .why = { $count ->
    [0] Aqui nada é isolado por namespaces: o processo vê o que vê quem o chamou.
   *[other] Cada namespace lhe dá uma visão própria de um tipo de coisa: identificadores de processo, montagens, interfaces de rede, nomes. O kernel continua sendo o do host: um contêiner não é uma pequena máquina, e sim um processo com outra visão.
 }{ $group ->
    [inside] { " " }Ele já nasce dentro do seu grupo de controle: nem a sua primeira página de memória fica fora da conta.
   *[outside] { "" }
 }

step-join-namespace = Entrar no namespace de { $namespace } { $path }
    .why = Um namespace não pertence a um só processo: todos os que entram nele veem o mesmo. Primeiro o caminho é aberto e o kernel diz o que há nele, para que nenhum outro arquivo seja tomado por um namespace. { $namespace ->
    [user] O namespace de usuário vem antes dos outros, porque é o dono deles: só o seu root pode entrar neles.
    [pid] Um processo conserva os próprios identificadores: só os processos que ele criar daqui em diante ficam no novo namespace.
    [cgroup] Antes disso, o processo entra no seu próprio grupo de controle, que este namespace talvez não mostre.
   *[other] Um processo do motor, que dura pouco, entra e depois cria lá dentro o primeiro processo do contêiner, como filho do próprio motor.
 }

step-make-user-namespace = Criar um namespace de usuário: usuário { $users }, grupo { $groups }
    .why = É o root do host que inicia este contêiner, e ainda assim o root de dentro não deve ser ninguém lá fora. As montagens precisam do root do host; por isso o namespace é criado agora e só se entra nele por último.

step-map-ids = Mapear identificadores: usuário { $users }, grupo { $groups }
    .why = O root de dentro é um usuário comum lá fora. Sempre que ele toca em algo que pertence ao host, o kernel pergunta o que pode fazer o identificador da direita, e não o que pode fazer o root.{ $setgroups ->
    [denied] { " " }Antes, setgroups(2) é proibida: do contrário, um usuário comum poderia sair de um grupo para alcançar arquivos fechados justamente a esse grupo.
   *[allowed] { "" }
 }{ $writer ->
    [helpers] { " " }Um usuário só pode mapear o próprio identificador. Os demais são emprestados em /etc/subuid e /etc/subgid, e newuidmap(1) e newgidmap(1), nos quais o sistema confia, cuidam para que não se tome mais do que isso.
   *[engine] { "" }
 }

step-move-into-cgroup = Pôr o processo no seu grupo de controle, em { $controllers }
    .why = O processo entrou em outro namespace de usuário, cujo root não tem poder sobre os grupos de controle do host. Por isso não consegue entrar sozinho: o motor escreve o identificador dele de fora, e ele espera até lá.

step-close-descriptors = Fechar todos os descritores abertos, menos a entrada, a saída e a saída de erros padrão
    .why = Um descritor conserva o seu poder atrás de qualquer muro. Com um diretório do host ainda aberto, openat(2) sairia direto do contêiner.

step-reset-signals = Devolver a cada sinal a sua ação padrão e não bloquear nenhum
    .why = Sinais ignorados e bloqueados passam de quem chama para o programa. O programa deve se comportar do mesmo modo, seja quem for que o iniciou, e SIGTERM precisa poder encerrá-lo.

step-await-go = Esperar o sinal verde do motor
    .why = Identificadores e limites são definidos de fora; até lá, nada pode rodar. Se o motor morrer nesse meio-tempo, o pipe termina e este processo morre também, em vez de ficar para trás, isolado pela metade.

step-unshare-time = Ter relógios próprios{ $count ->
    [0] , que mostram o mesmo que os da máquina
   *[other] , deslocados: { $offsets }
 }
    .why = Há quanto tempo a máquina está ligada, e o relógio com que os programas medem o tempo, podem ser outros que os do host: assim se testa um programa como se a máquina funcionasse há um ano, e o que foi levado para outra máquina continua contando. A hora do dia continua sendo a da máquina. Os relógios de um namespace novo podem ser deslocados até que o primeiro processo entre nele, e este não pode dividir a memória com ninguém.

step-new-session = Deixar a sessão e o terminal de quem chamou
    .why = Um processo com o terminal de quem chamou poderia inserir nele caracteres como se tivessem sido digitados no shell do host (TIOCSTI).

step-set-hostname = Dar à máquina o nome { $name }
    .why = O nome pertence ao namespace UTS: muda aqui dentro, e o host conserva o seu. Não se cria máquina nem kernel, apenas um nome.

## O sistema de arquivos raiz

step-make-mounts-private = Cortar os laços entre esta tabela de montagens e a do host
    .why = Um namespace de montagem novo começa como cópia, e uma montagem compartilhada continua repassando mudanças às suas cópias. Depois que todas são privadas, nada do que for montado daqui em diante aparece no host.

step-limit-writable-layer = Deixar que a camada de escrita guarde no máximo { $size } em { $inodes } arquivos
    .why = Quem escreve sem fim encheria o disco para todos. No lugar da camada de escrita põe-se um sistema de arquivos na memória (tmpfs) exatamente deste tamanho: ele responde "não há espaço" quando está cheio, seja de bytes, seja de arquivos vazios, e some junto com o contêiner. O que fica nele conta também como memória do contêiner.

step-mount-overlay = Empilhar { $count ->
    [one] uma camada somente leitura
   *[other] { $count } camadas somente leitura
 } e pôr por cima uma em que se pode escrever
    .why = As camadas somente leitura são a imagem: guardadas uma só vez, compartilhadas por todos os contêineres, nunca alteradas. A primeira escrita em um arquivo o copia para a camada deste contêiner (copy-on-write), e por isso nenhum outro contêiner a vê. A montagem fica na tabela de montagens do próprio contêiner; o host também nunca a vê.{ $durability ->
    [volatile] { " " }Nada é sincronizado com o disco, pois a camada de escrita será jogada fora junto com o contêiner.
   *[synced] { "" }
 }{ $owners ->
    [shifted] { " " }O que pertence ao root nas camadas do disco aparece como pertencente ao root do namespace de usuário do contêiner.
   *[kept] { "" }
 }

step-bind-root = Fazer de { $source } uma montagem própria
    .why = pivot_root(2) só consegue transformar em raiz uma montagem. Montar o diretório sobre si mesmo (bind mount) faz dele uma, sem copiar nada.

step-mount = Montar { $fstype } em { $destination }{ $attributes ->
    [none] { "" }
   *[other] { " " }({ $attributes })
 }
    .why = { $fstype ->
    [proc] /proc mostra os processos do namespace de pid em que foi montado. O /proc do host continuaria mostrando os do host, com seus argumentos e seu ambiente.
    [sysfs] /sys mostra os dispositivos e, da rede, o que pertence ao próprio namespace de rede. Escrever ali é mexer na máquina; por isso é montado somente para leitura.
    [tmpfs] Um sistema de arquivos vazio, na memória: nele não há nada do host, nada dele chega a um disco, e ele some quando o contêiner termina.
    [devpts] Terminais próprios. Com os do host, um programa poderia escrever nos terminais de outros usuários.
    [mqueue] As filas de mensagens POSIX como arquivos, somente as do próprio namespace IPC.
    [cgroup] Uma vista dos grupos de controle, para ler e não para mudar: um programa que pudesse mudá-la poderia suspender os próprios limites.
    [cgroup2] Uma vista dos grupos de controle, para ler e não para mudar: um programa que pudesse mudá-la poderia suspender os próprios limites.
   *[other] É uma montagem nova, na tabela de montagens do próprio contêiner; a do host fica como está.
 }

step-bind-mount = Mostrar { $source }, do host, como { $destination }{ $attributes ->
    [none] { "" }
   *[other] { " " }({ $attributes })
 }
    .why = Um bind mount é um segundo caminho para os mesmos arquivos: nada é copiado. { $access ->
    [ro] É uma janela no muro: o que o host tem ali pode ser visto, mas não tocado.
   *[rw] É uma porta no muro, aberta de propósito: o que se escreve aqui é escrito no host.
 } { $owners ->
    [shown] O dono no host aparece como root do contêiner (uma montagem com IDs mapeados), e qualquer outro usuário como nobody. Nada muda no disco. { "" }
   *[same] { "" }
 }O destino é procurado dentro da nova raiz (RESOLVE_IN_ROOT), para que nenhum link simbólico de uma imagem possa levar a montagem até o host.

step-make-device = Criar o nó de dispositivo { $path } ({ $major }:{ $minor })
    .why = Um nó de dispositivo é uma porta para um driver. O contêiner recebe alguns poucos, inofensivos, em vez do /dev do host com os seus discos.

step-bind-device = Mostrar o dispositivo { $path } do host
    .why = Um usuário comum não pode criar nós de dispositivo, nem mesmo como root de um namespace de usuário. Por isso são mostrados os do próprio host, os inofensivos, somente para leitura: o dispositivo pode ser usado, mas o modo, o dono e as datas do nó não podem ser alterados.

step-symlink = Criar o link simbólico { $path } → { $target }
    .why = O novo /dev começa vazio, e os programas contam com este nome. Ele leva a outro lugar dentro do contêiner e não revela nada.

step-open-terminal = Tomar um terminal próprio do contêiner
    .why = O programa recebe um pseudoterminal (pty) do devpts do próprio contêiner; o motor segura a outra ponta e copia o que vai e vem. O terminal do usuário nunca entra: o que um programa fizer com o seu terminal, faz com este.

step-remount = Restringir a montagem { $destination }: { $attributes }
    .why = A restrição pertence à montagem, não aos arquivos: nem o root do contêiner passa por ela, digam o que disserem as permissões dos arquivos.

step-set-sysctl = Definir { $name } como { $value }
    .why = Esta variável do kernel pertence a um namespace, e o contêiner tem o seu próprio: o valor do host fica como está.

step-mask-path = Esconder { $path }
    .why = Alguns arquivos do kernel falam da máquina inteira e não pertencem a nenhum namespace. O que não pode ser só do contêiner precisa ser coberto: com um arquivo vazio ou um diretório vazio, os dois do próprio contêiner e somente leitura.

step-readonly-path = Tornar { $path } somente leitura
    .why = Aqui ficam os botões de ajuste do kernel, e o kernel é um só: escrever aqui mudaria a máquina para todos. Ler não faz mal, e os programas precisam disso.

step-pivot-root = Fazer da nova raiz a raiz e desprender a árvore do host
    .why = Daqui em diante, os arquivos do host não estão proibidos, estão ausentes: nenhum caminho, nenhum “..” leva ao que não está montado. chroot(2) teria apenas mudado o lugar onde os caminhos começam.

step-chroot = Fazer os caminhos começarem em { $path }
    .why = O modo mais antigo e mais fraco: a árvore do host continua montada, e um processo que possa chamar chroot(2) sai com um segundo chroot e uma fila de “..”. Está aqui para mostrar para que serve pivot_root(2).

## As últimas coisas antes do programa

step-loopback-up = Ligar a interface de loopback
    .why = Um namespace de rede novo contém apenas “lo”, e desligada. Os programas conversam consigo mesmos em 127.0.0.1; ela é só deste contêiner e não leva a nenhum outro lugar.

step-enter-workdir = Entrar no diretório { $path }
    .why = Um diretório de trabalho fora da raiz seria uma saída, de “..” em “..”. Por isso o processo já está do lado de dentro antes de o programa começar.

step-set-umask = Definir a máscara de criação de arquivos como { $mask }
    .why = As permissões de um arquivo novo devem depender do programa, e não das configurações de quem iniciou o contêiner.

step-set-rlimit = Limitar { $resource } a { $soft } (no máximo { $hard })
    .why = Um grupo de controle limita o contêiner como um todo; um limite de recurso, cada um dos seus processos. O programa pode baixar o primeiro valor e aumentá-lo até o segundo.

step-enter-user-namespace = Entrar no namespace de usuário
    .why = Daqui em diante root é root somente deste namespace. O que foi feito antes (montagens, rede, números de processo) pertence ao root do host, e nem todas as capabilities juntas poderiam mudá-lo.

step-drop-bounding-set = { $powers ->
    [all] Deixar todas as capabilities ao alcance
   *[some] Renunciar para sempre a todas as capabilities, menos { $count }
 }
    .why = { $powers ->
    [all] Aqui não se renuncia a nada, de propósito: o root do contêiner pode carregar módulos, acertar o relógio ou reiniciar a máquina, se nada mais o impedir.
   *[some] O poder do root é dividido em capabilities. O que não está no conjunto limitador (bounding set) não volta por meio de nenhum executável, com set-user-id ou sem: carregar módulos, acertar o relógio ou reiniciar a máquina fica fora do alcance de todos aqui dentro.
 }

step-set-user = Tornar-se o usuário { $uid }, do grupo { $gid }
    .why = Primeiro os grupos, por último o usuário: quem já não é root não pode mudar de grupo. Um programa que não precisa de root roda melhor sem ele, pois aí um erro seu é apenas o erro de um usuário comum.

step-set-capabilities = { $powers ->
    [none] Não ficar com nenhuma capability
    [all] Ficar com todas as capabilities
   *[some] Ficar com { $count } das capabilities do root
 }
    .why = { $powers ->
    [none] Um usuário comum não tem nenhuma, e nenhuma sobra do processo que preparou o contêiner.
    [all] O root do contêiner continua tão poderoso quanto um root pode ser: pode montar, rastrear processos e carregar módulos do kernel.
   *[some] O root do contêiner ainda consegue fazer o trabalho diário de um root nos arquivos do próprio contêiner, mas nada que alcance a máquina: não monta, não rastreia processos alheios, não carrega módulos do kernel.
 }

step-end-with-engine = Morrer quando o motor morrer
    .why = Se alguém matar o motor com SIGKILL, não sobra quem faça o programa respeitar o tempo nem quem limpe depois. Por isso se pede ao kernel que mate também este processo e, com ele, todo o seu namespace de pid.

step-no-new-privileges = Abrir mão de ganhar poderes por meio de execve
    .why = Um programa set-user-id como su(1) ou sudo(8), ou um que a imagem traga escondido, passa a rodar com os poderes de quem o chamou. Não há como desfazer, e vale para todos os filhos.

step-install-seccomp = Deixar o kernel examinar cada chamada de sistema: { $allowed } permitidas, { $examined } conforme os argumentos, { $refused } recusadas
    .why = Todos os contêineres dividem um só kernel, e uma falha em qualquer uma das suas chamadas de sistema é uma saída. O que um programa comum nunca chama fica, daqui em diante, fora do alcance: montar, criar namespaces, módulos do kernel, chaves, tipos raros de soquete. A uma chamada recusada o kernel responde com um erro, e o programa continua; uma chamada que a lista não conhece não existe. Não há como tirar o filtro, e ele vale para todos os filhos.

step-execute = Tornar-se o programa { $program }
    .why = execve(2) troca o código e conserva o processo: mesmo identificador, mesmos namespaces, mesmo grupo, mesma raiz. Tudo o que foi preparado é herdado, e o contêiner vive exatamente enquanto este processo viver. Entre um e outro, executa-se um pequeno lançador a partir de memória selada: /proc/self/exe leva então a ele, e nunca ao arquivo do próprio motor, que de outro modo uma imagem poderia indicar como seu programa e reescrever.{ $init ->
    [init] { " " }O init, um pequeno processo do motor, fica como processo 1: inicia o programa como seu filho, repassa a ele os sinais, recolhe os processos órfãos e informa como o programa terminou.
   *[none] { "" }
 }

## Muros baixados de propósito, e o que isso significa

weakening-privileged = Com isso quase nenhum muro fica de pé: o root do contêiner pode quase tudo o que o root do host pode.
weakening-docker-profile = Com isso o contêiner recebe o que o Docker dá: pacotes crus, nós de dispositivo, programas set-user-id, mais chamadas de sistema.
weakening-capability = Um poder do root que os contêineres não têm por padrão; capabilities(7) diz até onde ele alcança.
weakening-host-network = Com isso o contêiner vê e usa as interfaces de rede e as portas do próprio host.
weakening-device = O contêiner fala diretamente com este driver do host.
weakening-engine-socket = Quem pode escrever no soquete de um motor é root do host: inicia o contêiner que quiser.

## Os isolamentos que se podem deixar de fora, e o que então vaza

isolation-pid = Identificadores de processo próprios
    .without = Sem isso, o contêiner vê os processos do host e, sendo o mesmo usuário, pode lhes mandar sinais.
isolation-net = Uma rede própria
    .without = Sem isso, o contêiner usa as interfaces do host: vê o seu tráfego e pode ocupar as suas portas, até as que só escutam em 127.0.0.1.
isolation-ipc = Memória compartilhada e filas de mensagens próprias
    .without = Sem isso, o contêiner alcança a memória compartilhada e as filas de mensagens System V do host.
isolation-uts = Um nome de máquina próprio
    .without = Sem isso, o contêiner mostra o nome do host, e mudá-lo seria mudar o nome do host.
isolation-mount = Uma tabela de montagens própria
    .without = Sem isso, não há pivot_root: o contêiner é um mero chroot, e o que se monta aparece no host.
isolation-cgroup = Uma visão própria dos grupos de controle
    .without = Sem isso, /proc/self/cgroup revela o lugar do contêiner na árvore do host.
isolation-user = Identificadores de usuário próprios
    .without = Sem isso, o root do contêiner é o root do host; só os outros muros o seguram.
isolation-capabilities = Menos poderes para o root
    .without = Sem isso, o root do contêiner conserva todas as capabilities, como as de montar e rastrear.
isolation-no-new-privileges = Nenhum ganho de poderes
    .without = Sem isso, um programa set-user-id da imagem pode fazer de um usuário comum o root.
isolation-seccomp = Menos chamadas de sistema
    .without = Sem isso, todas as chamadas de sistema do kernel ficam ao alcance e, com elas, toda falha em alguma delas.
isolation-masked-paths = Arquivos do kernel escondidos
    .without = Sem isso, ficam ao alcance arquivos como /proc/kcore e /proc/sysrq-trigger, que dizem respeito à máquina inteira.
isolation-devices = Dispositivos fora de alcance, não importa quem criou os nós
    .without = Sem isso, um nó de dispositivo que veio numa imagem ou num volume, ou que o root criou lá dentro, abre o dispositivo da máquina, a não ser que a montagem o proíba.
