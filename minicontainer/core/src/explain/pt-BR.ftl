# O que cada passo de um plano faz e por quê, em português do Brasil.
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

## Cgroups: quanto o contêiner pode usar

step-create-cgroup = Criar o cgroup { $name } para { $controllers }
    .why = Os namespaces controlam o que um processo vê; os grupos de controle (cgroups), quanto ele pode usar. O cgroup contém todos os processos do contêiner, e por isso um limite vale para o contêiner inteiro, por mais processos que ele crie.

step-limit-together = Limitar os processos de todos os contêineres do root, juntos, a { $max }
    .why = O kernel tem um número limitado de identificadores de processo. Este limite reserva alguns para o host, qualquer que seja o limite de cada contêiner: o host precisa de um, por exemplo, para encerrar um contêiner.

step-limit-memory = Permitir { $size } de memória{ $swap ->
    [some] {" "}e { $most } de área de swap
    [unlimited] {" "}e qualquer quantidade de área de swap
   *[none] {""}
 } ao conjunto dos processos do contêiner
    .why = Quando o cgroup chega ao limite e não há mais memória a recuperar, o kernel mata um processo apenas deste cgroup. { $swap ->
    [some] O que não cabe na memória vai para a área de swap da máquina, no disco, que é lenta, até este limite.
    [unlimited] O que não cabe na memória vai para a área de swap da máquina, no disco: o contêiner fica lento antes de ser morto, e pode deixar os outros lentos.
   *[none] A área de swap também é limitada, se o kernel a contabiliza.
 } Sem o limite, um único contêiner poderia usar toda a memória da máquina.

step-limit-cpu = Permitir { $percent }% de um processador: { $quota } µs a cada { $period } µs
    .why = Os processos que já gastaram a sua cota ficam parados até o próximo período. Sem o limite, alguns loops infinitos no contêiner deixariam todo o resto da máquina lento.

step-limit-pids = Permitir no máximo { $max ->
    [one] um processo ou thread
   *[other] { $max } processos e threads
 } ao mesmo tempo
    .why = Acima desse número, fork(2) falha com EAGAIN. Sem o limite, um programa que só cria cópias de si mesmo (uma fork bomb) esgotaria os identificadores de processo da máquina toda, mesmo de dentro de um namespace de pid: cada processo seu tem também um identificador no host.

step-limit-cpuset = Rodar somente nos processadores { $cpus }
    .why = As medições em um contêiner não são afetadas por outro que roda em outros processadores. Sem isso, o kernel move os processos para qualquer processador livre.

step-limit-devices = Permitir estes dispositivos e nenhum outro: { $allowed }
    .why = Um nó de dispositivo é um arquivo que pode vir de qualquer lugar, como uma imagem ou um volume, mas o dispositivo é da máquina. Por isso o kernel verifica o cgroup, além das permissões do arquivo: um nó do disco do host não pode ser aberto, venha de onde vier.

step-join-cgroup = Entrar no cgroup, em { $controllers }
    .why = Na versão 1 dos cgroups, um processo entra no cgroup quando o seu identificador é escrito no arquivo “tasks”, e 0 significa o próprio processo que escreve. Ele entra antes de o programa começar, e assim tudo o que o programa usa é contabilizado.

step-unshare-cgroup = Ver o próprio cgroup como a raiz da árvore
    .why = A visão começa no cgroup em que o processo está neste momento; por isso ele precisa entrar nele antes. Daqui em diante, /proc/self/cgroup mostra “/” e já não revela o nome do contêiner nem o seu lugar no host.

## O primeiro processo

step-clone = Criar o primeiro processo do contêiner{ $count ->
    [0] , nos namespaces do próprio host
    [one] , em um namespace novo: { $namespaces }
   *[other] , em { $count } namespaces novos: { $namespaces }
 }
    .why = { $count ->
    [0] Nenhum namespace isola o processo: ele vê o mesmo que o processo que o chamou.
   *[other] Cada namespace dá ao processo uma visão própria de um tipo de recurso: identificadores de processo, montagens, interfaces de rede, nomes. O kernel continua sendo o do host: um contêiner não é uma pequena máquina, e sim um processo com outra visão.
 }{ $group ->
    [inside] { " " }Ele é criado já dentro do seu cgroup: até a sua primeira página de memória é contabilizada.
   *[outside] { "" }
 }

step-join-namespace = Entrar no namespace de { $namespace } { $path }
    .why = Um namespace não pertence a um só processo: todos os processos nele têm a mesma visão. Primeiro o caminho é aberto e verificado no kernel, para que nenhum outro arquivo seja confundido com um namespace. { $namespace ->
    [user] O namespace de usuário vem antes dos outros, porque é o dono deles: só o seu root pode entrar neles.
    [pid] Um processo conserva os próprios identificadores: só os processos que ele criar daqui em diante ficam no novo namespace.
    [cgroup] Antes disso, o processo entra no seu próprio cgroup, porque este namespace talvez não o mostre.
   *[other] Um processo auxiliar do motor, de curta duração, entra nele e cria lá dentro o primeiro processo do contêiner, como filho do próprio motor.
 }

step-make-user-namespace = Criar um namespace de usuário: usuário { $users }, grupo { $groups }
    .why = É o root do host que inicia este contêiner, mas o root do contêiner é mapeado para um usuário sem privilégios no host. As montagens precisam do root do host; por isso o namespace é criado agora, mas o processo só entra nele no final.

step-map-ids = Mapear identificadores: usuário { $users }, grupo { $groups }
    .why = O root de dentro é um usuário comum lá fora. A cada acesso a algo que pertence ao host, o kernel verifica as permissões do identificador da direita, e não as do root.{ $setgroups ->
    [denied] { " " }Antes, setgroups(2) é proibida: sem isso, um usuário comum poderia sair de um grupo para acessar arquivos que negam acesso justamente a esse grupo.
   *[allowed] { "" }
 }{ $writer ->
    [helpers] { " " }Um usuário só pode mapear o próprio identificador. Os demais são alocados em /etc/subuid e /etc/subgid, e os programas set-user-ID newuidmap(1) e newgidmap(1) verificam que só identificadores alocados sejam mapeados.
   *[engine] { "" }
 }

step-move-into-cgroup = Mover o processo para o seu cgroup, em { $controllers }
    .why = O processo entrou em outro namespace de usuário, cujo root não tem permissão para alterar os cgroups do host. Por isso não consegue entrar sozinho: ele espera enquanto o motor escreve o identificador dele de fora.

step-close-descriptors = Fechar todos os descritores abertos, exceto a entrada, a saída e a saída de erros padrão
    .why = Um descritor aberto dá acesso apesar de todo o isolamento. Com um diretório do host aberto, openat(2) alcançaria os arquivos do host.

step-reset-signals = Restaurar a ação padrão de todos os sinais e não bloquear nenhum
    .why = Um programa herda de quem o chama os sinais ignorados e bloqueados. O programa deve se comportar do mesmo modo, seja quem for que o iniciou, e SIGTERM precisa poder encerrá-lo.

step-await-go = Esperar o motor
    .why = O motor define identificadores e limites de fora, e o programa não pode rodar antes disso. Se o motor morrer, o pipe é fechado e este processo termina, para que não sobre um processo isolado pela metade.

step-unshare-time = Criar relógios próprios{ $count ->
    [0] , que mostram o mesmo que os do host
   *[other] , deslocados: { $offsets }
 }
    .why = O uptime e o relógio com que os programas medem o tempo podem ser diferentes dos do host. Assim se pode testar um programa como se a máquina estivesse ligada há um ano, e um programa levado para outra máquina mantém os seus relógios. A hora do dia é sempre a do host. Os relógios de um namespace novo podem ser deslocados até que o primeiro processo entre nele, e esse processo não pode compartilhar a memória com outro.

step-new-session = Deixar a sessão e o terminal de quem chamou
    .why = Um processo com o terminal de quem chamou poderia inserir nele texto como se tivesse sido digitado no shell do host (TIOCSTI).

step-set-hostname = Definir o hostname como { $name }
    .why = O hostname pertence ao namespace UTS: ele muda só no contêiner, e o host mantém o seu.

## O sistema de arquivos raiz

step-make-mounts-private = Tornar privadas todas as montagens
    .why = Um namespace de montagem novo começa como cópia, e as montagens compartilhadas continuam propagando mudanças às suas cópias. Depois que todas são privadas, nada do que for montado daqui em diante aparece no host.

step-limit-writable-layer = Limitar a camada de escrita a { $size } em { $inodes } arquivos
    .why = Sem um limite, um programa poderia encher o disco do host. Por isso a camada de escrita fica em um sistema de arquivos na memória (tmpfs) deste tamanho. Quando ele está cheio, de bytes ou de arquivos vazios, a escrita falha com ENOSPC. Ele some junto com o contêiner, e o seu conteúdo conta como memória do contêiner.

step-mount-overlay = Montar { $count ->
    [one] uma camada somente leitura
   *[other] { $count } camadas somente leitura
 } com uma camada de escrita por cima
    .why = As camadas somente leitura são a imagem: guardadas uma só vez, compartilhadas por todos os contêineres, nunca alteradas. A primeira escrita em um arquivo o copia para a camada deste contêiner (copy-on-write), e por isso nenhum outro contêiner a vê. A montagem fica no namespace de montagem do próprio contêiner, e por isso o host também não a vê.{ $durability ->
    [volatile] { " " }Nada é sincronizado com o disco, porque a camada de escrita é removida junto com o contêiner.
   *[synced] { "" }
 }{ $owners ->
    [shifted] { " " }Os arquivos do root no disco pertencem ao root do namespace de usuário do contêiner (uma montagem com IDs mapeados).
   *[kept] { "" }
 }

step-bind-root = Tornar { $source } um ponto de montagem
    .why = pivot_root(2) exige que a nova raiz seja um ponto de montagem. Um bind mount do diretório sobre si mesmo faz dele um, sem copiar nada.

step-mount = Montar { $fstype } em { $destination }{ $attributes ->
    [none] { "" }
   *[other] { " " }({ $attributes })
 }
    .why = { $fstype ->
    [proc] /proc mostra os processos do namespace de pid em que foi montado. O /proc do host mostraria os processos do host, com seus argumentos e seu ambiente.
    [sysfs] /sys mostra os dispositivos e as interfaces do namespace de rede em que foi montado. Escrever ali mudaria a própria máquina; por isso é montado somente para leitura.
    [tmpfs] Um sistema de arquivos vazio, na memória: não contém nada do host, nada é gravado em disco, e ele some quando o contêiner termina.
    [devpts] Os terminais do próprio contêiner. Com os do host, um programa poderia escrever nos terminais de outros usuários.
    [mqueue] As filas de mensagens POSIX do namespace IPC do próprio contêiner, como arquivos.
    [cgroup] Uma visão dos cgroups, somente para leitura: um programa que pudesse escrever ali poderia aumentar os próprios limites.
    [cgroup2] Uma visão dos cgroups, somente para leitura: um programa que pudesse escrever ali poderia aumentar os próprios limites.
   *[other] É uma montagem nova, no namespace de montagem do próprio contêiner, e não altera a do host.
 }

step-bind-mount = Montar { $source }, do host, em { $destination } (bind mount){ $attributes ->
    [none] { "" }
   *[other] { " " }({ $attributes })
 }
    .why = Um bind mount é um segundo caminho para os mesmos arquivos: nada é copiado. { $access ->
    [ro] O contêiner pode ler ali os arquivos do host, mas não alterá-los.
   *[rw] Isso enfraquece o isolamento de propósito: o que o contêiner escreve ali é escrito no host.
 } { $owners ->
    [shown] Os arquivos do dono no host pertencem ao root do contêiner (uma montagem com IDs mapeados), e os de qualquer outro usuário, a nobody. Nada muda no disco. { "" }
   *[same] { "" }
 }O destino é procurado dentro da nova raiz (RESOLVE_IN_ROOT), porque um link simbólico da imagem poderia apontar para o host.

step-make-device = Criar o nó de dispositivo { $path } ({ $major }:{ $minor })
    .why = Um nó de dispositivo dá acesso a um driver. O contêiner recebe alguns poucos, inofensivos, em vez do /dev do host com os seus discos.

step-bind-device = Montar o dispositivo { $path } do host (bind mount)
    .why = Um usuário comum não pode criar nós de dispositivo, nem mesmo como root de um namespace de usuário. Por isso os nós inofensivos do host são montados (bind mount), somente para leitura: o dispositivo pode ser usado, mas o modo, o dono e as datas do nó não podem ser alterados.

step-symlink = Criar o link simbólico { $path } → { $target }
    .why = O novo /dev começa vazio, e os programas contam com este nome. O link aponta para outro caminho dentro do contêiner e não revela nada do host.

step-open-terminal = Abrir um terminal no devpts do próprio contêiner
    .why = O programa recebe um pseudoterminal (pty); o motor fica com o lado mestre e copia a entrada e a saída. O terminal do usuário não é passado ao contêiner, e por isso o programa só pode alterar este.

step-remount = Restringir a montagem { $destination }: { $attributes }
    .why = A restrição vale para a montagem, não para os arquivos: nem o root do contêiner consegue contorná-la, quaisquer que sejam as permissões dos arquivos.

step-set-sysctl = Definir { $name } como { $value }
    .why = Este sysctl pertence a um namespace, e o contêiner tem o seu próprio: o valor do host não muda.

step-mask-path = Esconder { $path }
    .why = Alguns arquivos do kernel revelam informações da máquina inteira e não pertencem a nenhum namespace. Por isso são cobertos com um arquivo vazio ou um diretório vazio, ambos somente leitura e do próprio contêiner.

step-readonly-path = Tornar { $path } somente leitura
    .why = Estes arquivos mudam configurações do kernel, que todos os contêineres compartilham: escrever aqui mudaria a máquina inteira. Ler é inofensivo, e os programas precisam disso.

step-pivot-root = Trocar a raiz pela nova árvore e desmontar a do host
    .why = Daqui em diante, os arquivos do host não estão apenas proibidos, estão ausentes: nenhum caminho, nenhum “..” leva ao que não está montado. chroot(2) mudaria apenas o ponto onde a busca de caminhos começa.

step-chroot = Mudar a raiz da busca de caminhos para { $path }
    .why = É mais antigo e mais fraco que pivot_root(2): a árvore do host continua montada, e um processo que possa chamar chroot(2) escapa com um segundo chroot e uma série de “..”. Existe para mostrar para que serve pivot_root(2).

## As últimas coisas antes do programa

step-loopback-up = Ativar a interface de loopback
    .why = Um namespace de rede novo contém apenas a interface “lo”, que está desativada. Os programas usam 127.0.0.1 para se conectar uns aos outros; o endereço é só deste contêiner e não leva a nenhum outro lugar.

step-enter-workdir = Entrar no diretório { $path }
    .why = Com um diretório de trabalho fora da raiz, uma série de “..” levaria ao host. Por isso o processo muda para um diretório de dentro antes de o programa começar.

step-set-umask = Definir o umask como { $mask }
    .why = As permissões de um arquivo novo devem depender do programa, e não das configurações de quem iniciou o contêiner.

step-set-rlimit = Limitar { $resource } a { $soft } (no máximo { $hard })
    .why = Um cgroup limita o contêiner como um todo; um limite de recurso, cada um dos seus processos. O programa pode baixar o primeiro valor e aumentá-lo até o segundo.

step-enter-user-namespace = Entrar no namespace de usuário
    .why = Daqui em diante root é root somente deste namespace. O que foi criado antes (montagens, rede, identificadores de processo) pertence ao root do host, e por isso não pode ser alterado nem com todas as capabilities.

step-drop-bounding-set = { $powers ->
    [all] Manter todas as capabilities no bounding set
   *[some] Descartar permanentemente todas as capabilities, exceto { $count }
 }
    .why = { $powers ->
    [all] Aqui nada é descartado, de propósito: o root do contêiner pode carregar módulos, acertar o relógio ou reiniciar a máquina, se nada mais o impedir.
   *[some] Os privilégios do root são divididos em capabilities. Uma capability que não está no bounding set não pode ser obtida por nenhum executável, com set-user-id ou sem: nenhum processo do contêiner pode carregar módulos, acertar o relógio ou reiniciar a máquina.
 }

step-set-user = Mudar para o usuário { $uid }, do grupo { $gid }
    .why = Primeiro os grupos, por último o usuário, porque só o root pode mudar de grupo. Um programa que não precisa de root deve rodar sem ele, para que um bug seu tenha só as permissões de um usuário comum.

step-set-capabilities = { $powers ->
    [none] Não manter nenhuma capability
    [all] Manter todas as capabilities
   *[some] Manter { $count } das capabilities do root
 }
    .why = { $powers ->
    [none] Um usuário comum não tem nenhuma, e nenhuma sobra do processo que preparou o contêiner.
    [all] O root do contêiner mantém todos os privilégios do root: pode montar, rastrear processos e carregar módulos do kernel.
   *[some] O root do contêiner ainda consegue administrar os arquivos do próprio contêiner, mas nada que afete a máquina: não monta, não rastreia processos de outros usuários, não carrega módulos do kernel.
 }

step-end-with-engine = Fazer o kernel matar este processo se o motor morrer
    .why = Se o motor for morto com SIGKILL, ele já não pode aplicar o limite de tempo nem fazer a limpeza. Por isso o kernel mata então este processo e, com ele, todos os processos do seu namespace de pid.

step-no-new-privileges = Proibir o ganho de privilégios por meio de execve
    .why = Um programa set-user-id como su(1) ou sudo(8), ou um da imagem, passa a rodar com os privilégios de quem o chamou. Isso não pode ser desfeito e vale para todos os filhos.

step-install-seccomp = Filtrar todas as chamadas de sistema: { $allowed } permitidas, { $examined } conforme os argumentos, { $refused } recusadas
    .why = Todos os contêineres compartilham um só kernel, e um bug em qualquer uma das suas chamadas de sistema pode permitir uma fuga. Por isso as chamadas de que programas comuns não precisam são negadas daqui em diante: montar, criar namespaces, módulos do kernel, chaves, tipos raros de socket. Uma chamada recusada retorna um erro, e o programa continua; uma chamada que não está na lista retorna ENOSYS. O filtro não pode ser removido e vale para todos os filhos.

step-execute = Executar o programa { $program }
    .why = execve(2) troca o código e mantém o processo: mesmo identificador, mesmos namespaces, mesmo cgroup, mesma raiz. O programa herda tudo o que foi preparado, e o contêiner existe exatamente enquanto este processo existir. Antes disso, um pequeno launcher é executado a partir de memória selada: /proc/self/exe aponta então para ele, e não para o arquivo do próprio motor, que uma imagem poderia indicar como seu programa e sobrescrever.{ $init ->
    [init] { " " }O init, um pequeno processo do motor, permanece como processo 1: inicia o programa como seu filho, repassa a ele os sinais, recolhe os processos órfãos e informa como o programa terminou.
   *[none] { "" }
 }

## Opções que enfraquecem o isolamento, e o que significam

weakening-privileged = Isso desativa quase todo o isolamento: o root do contêiner pode quase tudo o que o root do host pode.
weakening-docker-profile = Isso dá ao contêiner as permissões do Docker: pacotes raw, nós de dispositivo, programas set-user-id, mais chamadas de sistema.
weakening-privileged-user = Isso desativa quase todo o isolamento: os programas do contêiner podem quase tudo o que você pode nesta máquina.
weakening-docker-profile-user = Isso dá ao contêiner as permissões do Docker: pacotes raw na sua própria rede, programas set-user-id, mais chamadas de sistema.
weakening-uts-user = Sem isso, o contêiner tem o hostname do host.
weakening-capability = Os contêineres não têm esta capability por padrão; capabilities(7) descreve o que ela permite.
weakening-host-network = O contêiner vê e usa as interfaces de rede e as portas do próprio host.
weakening-device = O contêiner pode acessar diretamente este driver do host.
weakening-engine-socket = Um programa que pode escrever no socket de um motor é root do host, porque pode iniciar qualquer contêiner.

## Os isolamentos que podem ser omitidos, e o que então vaza

isolation-pid = Identificadores de processo próprios
    .without = Sem isso, o contêiner vê os processos do host e pode enviar sinais aos do mesmo usuário.
isolation-net = Uma rede própria
    .without = Sem isso, o contêiner usa as interfaces do host: vê o tráfego do host, pode usar as suas portas e se conectar a serviços que só escutam em 127.0.0.1.
isolation-ipc = Memória compartilhada e filas de mensagens próprias
    .without = Sem isso, o contêiner pode acessar a memória compartilhada e as filas de mensagens System V do host.
isolation-uts = Um hostname próprio
    .without = Sem isso, o contêiner tem o hostname do host, e mudá-lo mudaria o do host.
isolation-mount = Uma tabela de montagens própria
    .without = Sem isso, não há pivot_root(2): o contêiner é apenas um chroot, e as suas montagens aparecem no host.
isolation-cgroup = Uma visão própria dos cgroups
    .without = Sem isso, /proc/self/cgroup revela o caminho do contêiner na árvore do host.
isolation-user = Identificadores de usuário próprios
    .without = Sem isso, o root do contêiner é o root do host, restrito apenas pelos outros isolamentos.
isolation-capabilities = Menos capabilities para o root
    .without = Sem isso, o root do contêiner mantém todas as capabilities, como as de montar e rastrear.
isolation-no-new-privileges = Nenhum ganho de privilégios
    .without = Sem isso, um usuário comum pode se tornar root por meio de um programa set-user-id da imagem.
isolation-seccomp = Menos chamadas de sistema
    .without = Sem isso, todas as chamadas de sistema do kernel são permitidas e, com elas, todo bug em alguma delas.
isolation-masked-paths = Arquivos do kernel escondidos
    .without = Sem isso, ficam acessíveis arquivos que dizem respeito à máquina inteira, como /proc/kcore e /proc/sysrq-trigger.
isolation-devices = Nenhum acesso a outros dispositivos
    .without = Sem isso, um nó de dispositivo de uma imagem ou de um volume, ou que o root criou lá dentro, abre o dispositivo do host, a não ser que a montagem o proíba.
